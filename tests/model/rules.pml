/* rules.pml: the set of metrics changes while pipelines run.
 * Companions: hta.pml (apply, catch-up, commit), revoke.pml (moves). README.md has the bounds and what was measured.
 *
 * One partition of N offsets, sinks A and B, two pipelines that both believe to own it, so it moves between them at
 * every moment. A rule has R+1 states, which only rise: 0 not there, then in turn active (odd) and paused (even): a
 * new rule, its pause, its next version. `file` is the rule on a host; the operator raises it, one host after the
 * other. A running pipeline reads its file whenever it likes and changes the set at a barrier; one that starts brings
 * the set of its file along. Source, window and A are one process, B another; what is sent ahead of the
 * acknowledgements is on the way between them, and may be lost or arrive late when the first process dies.
 *
 * Rules: an epoch names the set that it was counted with, and the compare-and-set compares it; a sink's set rises
 * only, in one step that compares the state that was found and the positions; the state that is there already is no
 * change; each sink is asked, at a start and at a reload; who comes with a lower state is stale and waits for its file.
 *
 * Scenes: -DSTALE the file of one host stays as it is; -DR= states; -DN= offsets; -DC= crashes.
 * Rules taken away (each must make the check fail):
 *   -DNOSET       an epoch's set is not compared
 *   -DBLINDX      the change does not compare positions
 *   -DTWICE       the same change is made twice
 *   -DLOWERS      (with -DSTALE) the set is what the last one says that starts
 *   -DFIRSTONLY   at a start the first sink is asked, and the other believed to be alike
 *   -DMIDEPOCH    a reload takes effect between two barriers
 *
 * Checked: (1) a sink's rows are those of its positions while the rule was active there, each once; (2) no invalid end
 * state: all is applied in both sinks, under one set; (3) with -DNP and pan -l: no cycle. -DSEEEND fails on purpose.
 *
 * Names: pos = hta_pos.next; at = the position at which a state began in a sink; cnt = offsets that are in its rows;
 * cur = the set that a pipeline counts with. */
#ifndef N
#define N 2
#endif
#ifndef R
#define R 1
#endif
#ifndef C
#define C 1
#endif
#define A 0
#define B 1
byte pos[2], cnt[2], set[2];
byte at[8];                  /* s*4+state */
byte file[2];
byte crashes;
bool dead[2];                /* the second process of pipeline k has left */
#define MASK(f,t) ((t)>(f) -> (1<<(t))-(1<<(f)) : 0)
#define AT(s,r) at[(s)*4+(r)]
#define UNTIL(s,r) (set[s]>(r) -> AT(s,(r)+1) : pos[s])
#define WANTED(s) ((set[s]>=1 -> MASK(AT(s,1),UNTIL(s,1)) : 0) | (set[s]>=3 -> MASK(AT(s,3),UNTIL(s,3)) : 0))
#ifdef STALE
#define LAST(k) ((k)==0 -> R : 0)
#else
#define LAST(k) R
#endif
#define DONE (pos[A]==N && pos[B]==N && set[A]==R && set[B]==R)
#define ODD(r) (((r)&1)==1)

mtype = { EPOCH, METRICS };
typedef Ch { chan c = [1] of { mtype,byte,byte,byte } };
Ch q[2];

inline right(s) {
#ifndef LOWERS
   assert(cnt[s]==WANTED(s))
#else
   skip
#endif
}

/* the compare-and-set of an epoch. res: 0 applied, 1 skipped, 2 conflict */
inline apply(s,from,to,r,mid) { d_step {
   if
#ifndef NOSET
   :: set[s]!=r -> res=2
#endif
   :: else ->
        if
        :: pos[s]==from -> res=0; pos[s]=to;
             if :: ODD(r) -> cnt[s]=cnt[s] | MASK(mid,to) :: else fi
        :: pos[s]!=from && pos[s]>=to -> res=1
        :: else -> res=2
        fi
   fi;
   right(s) } }

/* the set of sink s becomes r: what is there is looked at, and later changed if it still is so.
   res: 0 it is r, 1 this pipeline is stale */
inline change(s,r) {
   do
   :: atomic { old=set[s]; x=pos[s];
        if
#ifndef TWICE
        :: old==r -> res=0; break
#endif
#ifndef LOWERS
        :: old>r -> res=1; break
#endif
        :: else
        fi };
      atomic {
#ifdef BLINDX
        if :: set[s]==old ->
#else
        if :: set[s]==old && pos[s]==x ->
#endif
#ifdef TWICE
             if :: old==r && r>0 -> old-- :: else fi;
#endif
             do :: old<r -> old++; AT(s,old)=x :: else -> break od;
             set[s]=r; right(s); res=0; old=0; x=0; break
        :: else -> old=0; x=0                        /* somebody was quicker: look again */
        fi }
   od;
   atomic { old=0; x=0 } }

#define LIM (v[A]==v[B] -> N : (v[A]<v[B] -> v[B] : v[A]))
#define NX (v[A]<v[B] -> v[A] : v[B])

proctype front(byte k) {
   byte v[2]; byte cur, f, t, m, res, old, x, was;
again:
   atomic { v[A]=0; v[B]=0; f=0; t=0; m=0; res=0; old=0; x=0; was=0; cur=file[k] };
   atomic { dead[k]=0;                               /* what was on its way is lost, or will yet come */
      if :: full(q[k].c) -> q[k].c?_,_,_,_ :: true fi };
   change(A,cur);
   if :: res==1 -> goto stale :: else fi;
#ifndef FIRSTONLY
   change(B,cur);
   if :: res==1 -> goto stale :: else fi;
#endif
   v[A]=pos[A]; v[B]=pos[B];
   do
   :: atomic { !dead[k] && NX<N -> f=NX; t=f+1;
        do :: t<LIM -> t++ :: break od;
        was=v[A]; m=f;
        if :: v[A]<t -> v[A]=t :: else fi; if :: v[B]<t -> v[B]=t :: else fi;
#ifdef MIDEPOCH
        if :: file[k]>cur && set[A]<file[k] -> m=t-1;  /* counted with the old set up to m, sent as the new one's */
             cur=file[k]; old=set[A]; do :: old<cur -> old++; AT(A,old)=pos[A] :: else -> break od; set[A]=cur; old=0
           :: else fi;
#endif
        };
      apply(A,f,t,cur,m);
      if :: res==2 -> goto again :: else fi;
      if :: q[k].c!EPOCH,f,t,cur -> skip :: dead[k] -> goto again fi;
      atomic { f=0; t=0; m=0; res=0; was=0 }
   :: atomic { !dead[k] && file[k]>cur -> cur=file[k] };
      change(A,cur);
      if :: res==1 -> goto again :: else fi;
      if :: q[k].c!METRICS,0,0,cur -> skip :: dead[k] -> goto again fi
   :: atomic { crashes<C -> crashes++; goto again }
   :: dead[k] -> goto again
   :: atomic { NX>=N && empty(q[k].c) && (pos[A]<N || pos[B]<N || set[A]!=cur || set[B]!=cur) ->
               goto again }                            /* the probe at rest */
   :: DONE && file[k]==R && cur==R -> break
   od;
#ifdef SEEEND
   assert(0);
#endif
   goto over;
stale:
   if
   :: file[k]>cur -> goto again
#ifdef STALE
   :: DONE -> skip
#endif
   fi;
over:
   atomic { v[A]=0; v[B]=0; f=0; t=0; m=0; res=0; cur=0; was=0 } }

proctype second(byte k) {
   byte f, t, r, res, old, x;
end: do
   :: atomic { !dead[k] && q[k].c?[EPOCH,_,_,_] -> q[k].c?EPOCH,f,t,r };
      apply(B,f,t,r,f);
      atomic { if :: res==2 -> dead[k]=1 :: else fi; f=0; t=0; r=0; res=0 }
   :: atomic { !dead[k] && q[k].c?[METRICS,_,_,_] -> q[k].c?METRICS,f,t,r };
      change(B,r);
      atomic { if :: res==1 -> dead[k]=1 :: else fi; f=0; t=0; r=0; res=0 }
   od }

proctype operator() {
end: do
   :: file[0]<LAST(0) -> file[0]=file[0]+1
   :: file[1]<LAST(1) -> file[1]=file[1]+1
   od }

init { atomic { run front(0); run second(0); run front(1); run second(1); run operator() } }
