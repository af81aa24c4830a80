/* init.pml: how a job starts, and how it is kept from starting twice. lib/job/start_rules.c is its code.
 * Companions: hta.pml (apply, catch-up, commit), revoke.pml (partitions that move), bootstrap.pml (included: the
 * operator's acts). README.md says of each switch which rule it takes away, with bounds and what was measured.
 *
 * Two sinks A and B, each with its own store; P partitions of N offsets; K pipelines that may stall for ever or
 * wake up late at any step (a crash is a stall without end), one survivor that starts again after every exit 75
 * and stops at 78. A pipeline is `front` (source and first sink) and `second` (second sink) with a pipe between;
 * the survivor does the same one step after the other. Each access to a store is one atomic step, with any delay
 * between two: a line "arrives late" when its step is taken late. An epoch is one range of one partition (ranges
 * of several: hta.pml, revoke.pml). `latest` and times are "any offset", drawn anew by every pipeline (with N=1
 * the log's end is among them). A growing log is covered by that and by the delays before an epoch.
 *
 * The rules:
 *  R1  a job's first init has a random id, the generation. A sink stores it with the starts in one insert, and only if
 *      it has none; starts of another generation are never mixed in.
 *  R2  the fresh line is for one sink, the first by name (here A, wherever it stands in the pipe). After every init
 *      line the source probes anew; sinks without a generation adopt it and the starts of the others (R6).
 *  R3  a source reads only after a probe that found one and the same generation in all its sinks.
 *  R4  epochs carry the generation, the compare-and-set compares it; a missing row is a conflict, never inserted.
 *  R5  the generation goes into the commit's metadata before the first record; the commit is read after the probe.
 *  R6  a sink without one adopts if all others have next = init and none was bootstrapped by `now`, else 78.
 *  R7  a partition that a sink with a generation does not know starts at 0, whatever the others have; a line for new
 *      partitions never creates a generation.
 *  R8  bootstrap is an act of the operator, done once, not a setting.
 *  R9  a probe is no snapshot (B answers later than A): 78 only when a second probe says so too.
 *  R10 a bootstrap where no sink has a generation draws a new one and commits it, whatever the commit held, before the
 *      sink is written.
 *  R11 (Kafka's) a group with members refuses the commits of others, and those who left it are refused theirs: so a
 *      bootstrap's commit is the last word over all pipelines that were there before.
 *  R12 the probe at rest compares the generation too, not only the positions.
 *
 * Scenes: (none)      two sinks, A before B            -DONE       sink A only
 *         -DMIXED     some pipelines have B before A   -DLATE      B is added later (some pipelines have A only);
 *         -DWIPE      one sink's store goes empty                  the operator may bootstrap it, init or now
 *         -DRESTORE   ... to any older state           -DPART      P=2, partition 1 appears at any time
 *                     (=2: both sinks, each once)      -DEARLIEST  every start is 0
 *         -DSPLIT     some pipelines have B only, from the first start on: ends at 78 (needs -DMIXED78)
 *         -DEMPTIED   both stores go empty under a group that has a commit (bootstrap.pml)
 *         -DN= offsets, -DK= pipelines beside the survivor
 *
 * Checked: (1) at every apply: what is applied is exactly [init,next), nothing twice (I1); (2) the init under
 * which a sink applies never changes and is the same in both sinks, unless the operator said `now` (then it is the
 * one of his act); with EMPTIED: so within a generation; (3) a conflict at the survivor means that somebody else
 * wrote since its probe (I7); (4) exit 78 of the survivor has a cause: a store went back to empty, or a late sink
 * before the bootstrap; (5) the survivor ends with next = N everywhere and equal inits, or at 78; with EMPTIED
 * never at 78: an act of the operator leads out of each, and it ends with one generation in both sinks and in the
 * commit; (6) with EMPTIED: no epoch of another generation is applied, and where both sinks have a generation and
 * a start says 78 all the same (only --reset helps), an init line came late; (7) with -DNP and pan -l: no cycle,
 * so no livelock.
 *
 * Names: gen = hta_job.generation, by_now = hta_job.by_now, ini and nxt = hta_pos.init and next, app = the
 * rollups; v = the source's view, the probe's answer brought forward by what was sent since; FRESH, ADOPT, NEW =
 * the acts of an init line, START, STOP = what else a probe may be answered by. */
#if defined(EMPTIED) && (defined(PART) || defined(ONE) || defined(LATE) || defined(WIPE) || defined(RESTORE))
#error "EMPTIED is a scene of its own: two sinks, one partition"
#endif
#ifdef PART
#define P 2
#else
#define P 1
#endif
#ifndef N
#define N 2
#endif
#ifndef K
#define K 2
#endif
#ifdef INDEP
#define NOGEN
#define PIPEORDER
#define NOPASS
#endif
#ifdef NOGEN
#define NOCASGEN
#define COMFIRST
#endif
#define A 0
#define B 1
#define NONE 7
#define I(s,p) ((s)*P+(p))
#define MASK(f,t) ((1<<(t))-(1<<(f)))

/* the stores: per sink */
byte gen[2];                 /* generation, 0 = the store knows nothing of the job */
byte ini[2*P] = NONE;        /* per partition: init, next; NONE = no row */
byte nxt[2*P] = NONE;
byte app[2*P];               /* bit o: offset o is in the rollups */
bool by_now[2*P];            /* init was set by `--bootstrap now` */
/* the broker */
byte commit;                 /* generation in the metadata of the group's commit, 0 = no commit */
bool there;                  /* partition 1 exists */
/* for the check only */
#ifdef EMPTIED
byte est[12] = NONE;         /* by generation: init under which the first record was applied; not of a `now` sink */
bool emptied;                /* both stores have been empty */
bool told;                   /* the survivor has left with 78 and waits for the operator */
bool crashed;                /* one `--bootstrap` was killed: that is all for this run */
bool late;                   /* an init line came after the loss with a generation that nobody else holds any more */
byte bootgen;                /* generation of the last `--bootstrap` that drew one */
byte era;                    /* the group has been empty so often: what joined before is refused its commits */
#define EST(s,p) est[gen[s]]
#define SURE(s,p) (!by_now[I(s,p)])
#else
byte est[2*P] = NONE;        /* init under which the first record was applied; second half: of a `now` sink */
#define EST(s,p) est[I(by_now[I(s,p)],p)]
#define SURE(s,p) 1
#endif
byte gens;                   /* generations drawn */
bool dirty, wiped, mixed, acted;

typedef Ch { chan c = [1] of { byte,byte,byte,byte } };
Ch q[K]; byte sec[K];        /* pipe to the second sink; which one that is */
#if defined(EMPTIED) && !defined(NOFENCE)
#define COMMIT(g) atomic { if :: joined==era -> commit=g :: else -> r=2 fi }
#else
#define COMMIT(g) commit=g
#endif

#define FRESH 1
#define ADOPT 2
#define NEW 3
#define START 4
#define STOP 5

#define each(...) jj=0; do :: jj<P -> __VA_ARGS__; jj++ :: else -> break od; jj=0
/* r: 0 applied, 1 skipped, 2 conflict */
inline apply(s,p,f,t,g,r,me) { d_step {
#ifdef UPSERT
   if :: nxt[I(s,p)]==NONE -> gen[s]=g; ini[I(s,p)]=f; nxt[I(s,p)]=f :: else fi;
#endif
   if
#ifndef NOCASGEN
   :: gen[s]!=g -> r=2
   :: gen[s]==g && nxt[I(s,p)]==NONE -> r=2
   :: gen[s]==g && nxt[I(s,p)]==f ->
#else
   :: nxt[I(s,p)]==NONE -> r=2
   :: nxt[I(s,p)]==f ->
#endif
#if defined(EMPTIED) && !defined(SUMS)
        assert(gen[s]==g);
#endif
        assert((app[I(s,p)] & MASK(f,t))==0);
        app[I(s,p)] = app[I(s,p)] | MASK(f,t); nxt[I(s,p)]=t; r=0; dirty=(dirty||me);
        assert(app[I(s,p)]==MASK(ini[I(s,p)],t));
        if
        :: SURE(s,p) && EST(s,p)==NONE -> EST(s,p)=ini[I(s,p)]
        :: SURE(s,p) && EST(s,p)!=NONE -> assert(EST(s,p)==ini[I(s,p)])
        :: !SURE(s,p)
        fi
   :: else -> if :: nxt[I(s,p)]>=t -> r=1 :: else -> r=2 fi
   fi } }

inline probe(s) { d_step {
   pg[s]=gen[s]; po[s]=0;
   each(pi[I(s,jj)]=ini[I(s,jj)]; v[I(s,jj)]=nxt[I(s,jj)]; po[s]=(po[s]||by_now[I(s,jj)])) } }

/* what the source makes of the two answers; one sink only: s1 == s2 */
inline decide() { d_step {
   act=STOP; lo=0; lacks=(pg[A]!=0 && pg[B]==0);
   if
   :: pg[s1]==0 && pg[s2]==0 -> if :: commit==0 -> act=FRESH :: else fi
   :: pg[s1]!=0 && pg[s2]!=0 ->
        act=START; mg=pg[s1];
#ifdef INDEP
#else
#ifdef NOGEN
        each(if
             :: pi[I(s1,jj)]!=NONE && pi[I(s2,jj)]!=NONE && pi[I(s1,jj)]!=pi[I(s2,jj)] && !po[s1] && !po[s2] -> act=STOP
             :: else
             fi);
#else
        if :: pg[s1]!=pg[s2] -> act=STOP :: else fi;
#endif
#endif
#ifdef PART
        if :: act==START && kn && (pi[I(s1,1)]==NONE || pi[I(s2,1)]==NONE) -> act=NEW;
#ifdef PERPART
              if
              :: pi[I(s1,1)]!=NONE && pi[I(s1,1)]!=v[I(s1,1)] -> act=STOP
              :: pi[I(s2,1)]!=NONE && pi[I(s2,1)]!=v[I(s2,1)] -> act=STOP
              :: else
              fi
#endif
           :: else fi
#endif
   :: else ->
        o=(pg[s1]==0 -> s2 : s1); act=ADOPT; mg=pg[o];
#ifndef ANYADOPT
        each(if :: pi[I(o,jj)]!=v[I(o,jj)] -> act=STOP :: else fi);
#endif
#ifndef NOWCOUNTS
        if :: po[o] -> act=STOP :: else fi;
#endif
        each(st[jj]=pi[I(o,jj)]);
#ifdef STICKY
        if :: act==STOP && o==A -> act=ADOPT; lo=1; each(st[jj]=v[I(o,jj)]) :: else fi;
#endif
   fi;
   o=0; pg[0]=0; pg[1]=0; po[0]=0; po[1]=0; each(pi[jj]=0; pi[P+jj]=0);
   if :: act!=START -> each(v[jj]=0; v[P+jj]=0) :: else fi } }

inline draw() { atomic {
   gens++; mg=gens; assert(gens<12);
#ifdef EARLIEST
   st[0]=0
#else
   if :: st[0]=0 :: st[0]=1
#if N>2
      :: st[0]=2
#endif
   fi
#endif
#ifdef PART
   ;
   if :: !kn -> st[1]=NONE
      :: kn -> st[1]=0
#ifndef EARLIEST
      :: kn -> st[1]=1
#endif
   fi
#endif
   } }

/* the init line at sink s; first: no sink has passed it yet. r: 0 good, 2 conflict */
inline init_line(s,first,r,me) { d_step {
   r=0;
   if
   :: gen[s]==0 && act!=NEW && (!lo || s==B) ->
#ifdef EMPTIED
        late=(late || (wiped && gen[1-s]!=mg));
#endif
        gen[s]=mg; dirty=(dirty||me);
        each(ini[I(s,jj)]=st[jj]; nxt[I(s,jj)]=st[jj]; app[I(s,jj)]=0; by_now[I(s,jj)]=lo)
#ifdef PART
   :: gen[s]==mg && act==NEW ->
        if :: ini[I(s,1)]==NONE -> ini[I(s,1)]=st[1]; nxt[I(s,1)]=st[1]; dirty=(dirty||me) :: else fi
#ifdef NEWMAKES
   :: gen[s]==0 && act==NEW ->
        gen[s]=mg; ini[I(s,1)]=st[1]; nxt[I(s,1)]=st[1]; dirty=(dirty||me)
#endif
#endif
   :: gen[s]!=0 && gen[s]!=mg && act==FRESH && first ->       /* has an id: takes nothing */
#if defined(PART) && defined(ROWS)
        if :: ini[I(s,1)]==NONE -> ini[I(s,1)]=st[1]; nxt[I(s,1)]=st[1]; dirty=(dirty||me) :: else fi;
#endif
#if defined(PIPEORDER) && !defined(NOPASS)
        mg=gen[s]; each(st[jj]=ini[I(s,jj)]; if :: by_now[I(s,jj)] -> r=2 :: else fi);
#endif
        skip
   :: gen[s]==mg && act!=NEW -> skip
   :: else ->
#ifdef INDEP
        skip
#else
#ifdef NOGEN
        each(if :: st[jj]!=NONE && ini[I(s,jj)]!=NONE && st[jj]!=ini[I(s,jj)] && !by_now[I(s,jj)] -> r=2 :: else fi);
        if :: gen[s]==0 -> r=2 :: else fi
#else
        r=2
#endif
#endif
   fi } }

/* next epoch from the view v: one partition, cut where a sink stands */
#define LOW(p) (v[I(s1,p)]<v[I(s2,p)] -> v[I(s1,p)] : v[I(s2,p)])
#define HIGH(p) (v[I(s1,p)]<v[I(s2,p)] -> v[I(s2,p)] : v[I(s1,p)])
inline next_epoch() { atomic {
#ifdef PART
   if :: LOW(0)<N -> p=0 :: kn && LOW(1)<N -> p=1 fi;
#else
   p=0;
#endif
   f=LOW(p); lim=(HIGH(p)>f -> HIGH(p) : N); t=f+1;
   do :: t<lim -> t++ :: break od; lim=0;
   if :: v[I(s1,p)]<t -> v[I(s1,p)]=t :: else fi; if :: v[I(s2,p)]<t -> v[I(s2,p)]=t :: else fi } }
#ifdef PART
#define MORE (LOW(0)<N || (kn && LOW(1)<N))
#else
#define MORE (LOW(0)<N)
#endif

/* probe, then init lines until the probe finds one id everywhere; act is START or STOP, r==2: exit 75 */
inline prepare(me) {
#ifdef EMPTIED
   joined=era;
#endif
   do
   :: r=0;
#ifdef EMPTIED
      if :: joined!=era -> r=2; break :: else fi;  /* evicted: what it has sent may be under way, it sends no more */
#endif
#ifdef PART
      if :: kn=there :: kn=(kn && there) fi;       /* the source's metadata may be old */
#endif
      probe(s1); if :: s1!=s2 -> probe(s2) :: else fi; decide();
      if
      :: act==FRESH -> draw();
#ifdef PIPEORDER
           init_line(s1,1,r,me); if :: r==0 && s1!=s2 -> init_line(s2,0,r,me) :: else fi
#else
           if :: s1==A || s2==A -> init_line(A,1,r,me) :: else -> init_line(B,1,r,me) fi
#endif
      :: act==ADOPT -> init_line(s1,1,r,me); if :: r==0 && s1!=s2 -> init_line(s2,0,r,me) :: else fi
      :: act==NEW -> atomic { st[0]=NONE;
#ifdef PART
           st[1]=0;
#ifdef LOWSTART
           if :: st[1]=0 :: st[1]=1 fi;
#endif
#endif
           skip };
           init_line(s1,1,r,me); if :: r==0 && s1!=s2 -> init_line(s2,0,r,me) :: else fi
      :: act==START ->
#ifndef LATECOM
           if :: commit==0 -> COMMIT(mg)
#ifdef COMFIRST
              :: else
#else
              :: commit==mg
              :: else -> act=STOP
#endif
           fi;
#endif
           if :: act==START && r==0 -> lacks=0; break :: else fi
      :: act==STOP -> skip
      fi;
#ifdef ONEPROBE
      if :: act==STOP -> break :: else fi;
#else
      if :: act==STOP && sure -> break :: else -> sure=(act==STOP); lacks=0 fi;
#endif
      atomic { each(st[jj]=0); act=0; lo=0; mg=0; each(v[jj]=0; v[P+jj]=0) };
      if :: r==2 -> break :: else fi
   od;
   atomic { each(st[jj]=0); lo=0; sure=0 } }

proctype front(byte k) {
   byte s1,s2,mg,act,o,p,f,t,r,lim,jj,joined; byte st[P], pg[2], pi[2*P], v[2*P]; bool po[2], kn, lo, sure, lacks, was;
   atomic {
#ifdef ONE
   s1=A; s2=A;
#else
#ifdef LATE
   if :: s1=A; s2=A :: k>0 -> s1=A; s2=B fi;
#elif defined(SPLIT)
   if :: s1=B; s2=B; mixed=1 :: s1=A; s2=B fi;
#else
   if :: s1=A; s2=B
#ifdef MIXED
      :: s1=B; s2=A; mixed=1
#endif
   fi;
#endif
#endif
   sec[k]=s2 };
   prepare(1);
   if :: act!=START -> goto over :: else fi;
   do
   :: MORE -> next_epoch(); apply(s1,p,f,t,mg,r,1);
        if :: r==2 -> break :: else fi;
        if :: s1!=s2 -> endw: q[k].c!p,f,t,mg
           :: else ->
#ifdef LATECOM
              commit=mg
#endif
              skip
        fi
   :: else -> break
   od;
over: atomic { joined=0; lacks=0; s1=0; s2=0; mg=0; act=0; p=0; f=0; t=0; r=0; kn=0; each(v[jj]=0; v[P+jj]=0) } }

proctype second(byte k) { byte p,f,t,g,r;
end: do :: q[k].c?p,f,t,g -> apply(sec[k],p,f,t,g,r,1);
           if :: r==2 -> break :: else fi;
#if defined(LATECOM) || defined(NOFENCE)
           commit=g;
#endif
           d_step { p=0; f=0; t=0; g=0; r=0 }
     od }

#ifdef ONE
#define FULL(p) (nxt[I(A,p)]==N)
#define S2 A
#else
#define FULL(p) (nxt[I(A,p)]==N && nxt[I(B,p)]==N)
#define S2 B
#endif
#define AS(s,p) (!SURE(s,p) || EST(s,p)==NONE || EST(s,p)==ini[I(s,p)])
#ifdef EMPTIED
#define EQ(p) ((ini[I(A,p)]==ini[I(B,p)] || by_now[I(A,p)] || by_now[I(B,p)]) && AS(A,p) && AS(B,p) && \
               gen[A]==gen[B] && gen[A]==commit)
#else
#define EQ(p) ((ini[I(A,p)]==ini[I(S2,p)] || by_now[I(S2,p)]) && AS(A,p) && AS(S2,p))
#endif

proctype survivor() {
   byte s1,s2,mg,act,o,p,f,t,r,lim,jj,joined; byte st[P], pg[2], pi[2*P], v[2*P]; bool po[2], kn, lo, sure, lacks, was;
   s1=A; s2=S2;
#ifdef MIXED
   if :: skip :: s1=B; s2=A; mixed=1 fi;
#endif
again:
   atomic { dirty=0; lacks=0; was=acted; mg=0; act=0; p=0; f=0; t=0; r=0; each(v[jj]=0; v[P+jj]=0) };
   prepare(0);
   if
   :: r==2 -> assert(dirty); goto again
   :: r!=2 && act==STOP ->
#ifdef LATE
        if :: lacks && !was -> endop: (acted); goto again :: else fi;   /* a late sink: wait for the operator */
#endif
#ifdef MIXED78
        assert(wiped || mixed);
#else
        assert(wiped);
#endif
#ifdef SEE78
        assert(0);
#endif
#ifdef EMPTIED
        told=1; (!told); goto again;        /* not a valid end: some act of the operator must lead out of every 78 */
#endif
        goto stop
   :: else
   fi;
   do
   :: MORE -> next_epoch(); apply(s1,p,f,t,mg,r,0);
        if :: r==2 -> assert(dirty); goto again :: else fi;
        if :: s1!=s2 -> apply(s2,p,f,t,mg,r,0); if :: r==2 -> assert(dirty); goto again :: else fi :: else fi;
#ifdef LATECOM
        commit=mg;
#endif
        skip
   :: else -> break
   od;
   /* at rest the source probes again: a store may have gone back, a partition may have come */
   atomic {
#if !defined(NOGEN) && !defined(BLINDREST)
      if :: gen[A]!=mg || gen[S2]!=mg -> goto again :: else fi;
#endif
#ifdef PART
      if :: !FULL(0) || (there && !FULL(1)) -> kn=there; goto again :: else fi;   /* and its metadata are fresh */
      assert(EQ(0) && (!there || EQ(1)))
#else
      if :: !FULL(0) -> goto again :: else fi;
      assert(EQ(0))
#endif
   };
#ifdef SEEEND
#ifdef EMPTIED
   assert(bootgen==0 || gen[A]!=bootgen);
#else
   assert(0);
#endif
#endif
stop: atomic { joined=0; lacks=0; was=0; s1=0; s2=0; mg=0; act=0; p=0; f=0; t=0; r=0; kn=0; each(v[jj]=0; v[P+jj]=0) };
   skip }

#include "bootstrap.pml"

#if defined(RESTORE) || defined(WIPE)
proctype restore(byte s) { byte g,jj; byte si[P], sn[P], sa[P]; bool so[P];
#ifdef WIPE
   d_step { g=0; each(si[jj]=NONE; sn[jj]=NONE) };
#else
   d_step { g=gen[s]; each(si[jj]=ini[I(s,jj)]; sn[jj]=nxt[I(s,jj)]; sa[jj]=app[I(s,jj)]; so[jj]=by_now[I(s,jj)]) };
#endif
   d_step { if :: g==0 && gen[s]!=0 -> wiped=1 :: else fi; dirty=1; gen[s]=g;
            each(ini[I(s,jj)]=si[jj]; nxt[I(s,jj)]=sn[jj]; app[I(s,jj)]=sa[jj]; by_now[I(s,jj)]=so[jj];
                 si[jj]=0; sn[jj]=0; sa[jj]=0; so[jj]=0);
            g=0; s=0 } }
#endif

init { byte k; atomic {
   k=0; do :: k<K -> run front(k); run second(k); k++ :: else -> break od; k=0;
   run survivor();
#if defined(RESTORE) || defined(WIPE)
#if defined(ONE)
   run restore(A);
#elif RESTORE==2 || WIPE==2
   run restore(A); run restore(B);
#else
   if :: run restore(A) :: run restore(B) fi;
#endif
#endif
#if defined(LATE) && !defined(STICKY)
   run operator();
#endif
#ifdef EMPTIED
   run emptier(); run bootstrapper();
#if EMPTIED>2
   run courier();
#endif
#endif
   };
#ifdef PART
   d_step { there=1; dirty=1 }
#endif
   }
