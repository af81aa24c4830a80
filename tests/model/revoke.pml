/* revoke.pml: partitions move between running pipelines.
 * Companions: hta.pml (apply, catch-up, commit), init.pml (how a job starts). README.md has the bounds and what
 * was measured.
 *
 * P=2 partitions of N offsets, sinks A and B that hold positions already (starts are equal: init.pml). Two live
 * pipelines (0 and 1) of one group, each starts again after exit 75. `owner` is what the group's coordinator says;
 * it moves M times. A pipeline notices a revoke or an assignment whenever it likes, so it goes on writing what it
 * has lost: nothing in a store says who owns what. A zombie, evicted long ago, sends epochs ahead of the acks
 * (source, pipe, second sink apart). A live pipeline's epoch reaches A and B in two steps with any delay between
 * them.
 *
 * Rules: need-sets, cut and compare-and-set as in hta.pml; an epoch may have all partitions of one need-set, which is
 * more than the source does (where sinks differ it takes one alone); on an assignment the source probes behind its
 * own epochs and takes the position of what is newly assigned from the answer; kept partitions keep theirs, or all
 * are given up at any change and taken anew (eager, as hta-consume does it). At rest (nothing to read) a source
 * probes again from time to time.
 *
 * Scenes: -DAPART the sinks are apart from the start, in either direction; -DREGRESS one sink goes back to an older
 * state of its own, once; -DNOZOMBIE without the evicted pipeline; -DM= moves; -DN= offsets.
 * Rules taken away (each must make the check fail):
 *   -DNOPROBE     on an assignment the source takes the group's commit (hta-commit's ack of both sinks)
 *   -DNOCAS       a sink skips what it has, adds everything else
 *   -DHETERO      epochs mix partitions with different need-sets
 *   -DNOCUT       epochs are not cut at the other sink's position
 *   -DNOIDLE      (with -DREGRESS) a source at rest does not probe
 *
 * Checked: (1) every offset below a sink's position is applied once, none above (I1); (2) a conflict means that
 * somebody else wrote one of the epoch's partitions, or a store went back, since the pipeline took its view (I7);
 * (3) no invalid end state: both pipelines end with everything applied in both sinks; (4) with -DNP and pan -l: no
 * cycle: once moves, zombie and restore are used up there is no livelock. -DSEEEND fails on purpose: the end is
 * reached.
 *
 * Names: pos = hta_pos.next; v = the source's view: what the sinks hold when all epochs sent have arrived; NEED =
 * the need-set of a partition, a bit a sink; mine = assigned. */
#define P 2
#ifndef N
#define N 2
#endif
#ifndef M
#define M 2
#endif
byte pos[4];                 /* s*P+p */
byte app[4];                 /* bits: offsets applied */
#ifdef NOPROBE
byte commit[2];
#endif
byte owner[2] = 0;
byte moves;
bool dirty[4];               /* k*P+p: somebody other than live pipeline k wrote p since k took its view */
#define X(s,p) pos[(s)*P+(p)]
#define MASK(f,t) ((1<<(t))-(1<<(f)))
#ifdef REGRESS
bool calm;                   /* the store has gone back, no more faults */
#else
#define calm 1
#endif
#define DONE (calm && X(0,0)==N && X(0,1)==N && X(1,0)==N && X(1,1)==N)

typedef Ch { chan c = [1] of { byte,byte,byte,byte } };
Ch q[1];                     /* the zombie's pipe from A to B */

/* one range of an epoch. k: live pipeline, or 2 for the zombie */
inline add(s,p,f,t,k) {
   if
   :: t>f -> assert((app[(s)*P+(p)] & MASK(f,t))==0);
        app[(s)*P+(p)]=app[(s)*P+(p)] | MASK(f,t); X(s,p)=t;
        if :: k!=0 -> dirty[0+(p)]=1 :: else fi; if :: k!=1 -> dirty[2+(p)]=1 :: else fi
   :: else
   fi;
   assert(app[(s)*P+(p)]==MASK(0,X(s,p))) }

/* the compare-and-set. res: 0 applied, 1 skipped, 2 conflict */
inline apply(s,k,res) { d_step {
   anew=1; aold=1;
#ifdef NOCAS
   anew = !(t0<=X(s,0) && t1<=X(s,1)); aold = !anew;
#else
   if :: t0>f0 -> if :: X(s,0)!=f0 -> anew=0 :: else fi; if :: X(s,0)<t0 -> aold=0 :: else fi :: else fi;
   if :: t1>f1 -> if :: X(s,1)!=f1 -> anew=0 :: else fi; if :: X(s,1)<t1 -> aold=0 :: else fi :: else fi;
#endif
   if
   :: anew -> res=0; add(s,0,f0,t0,k); add(s,1,f1,t1,k)
   :: !anew && aold -> res=1
   :: else -> res=2
   fi;
   anew=0; aold=0 } }

#define NX(p) (v[(p)]<v[P+(p)] -> v[(p)] : v[P+(p)])
#define NEED(p) ((v[(p)]<=NX(p) -> 1 : 0) + (v[P+(p)]<=NX(p) -> 2 : 0))
#ifdef NOCUT
#define LIM(p) N
#else
#define LIM(p) (v[(p)]==v[P+(p)] -> N : (v[(p)]<v[P+(p)] -> v[P+(p)] : v[(p)]))
#endif
#define CAN(p) (mine[p] && NX(p)<N)

/* the next epoch: partitions of one need-set, cut anywhere up to the next sink's position, at least one offset */
inline next_epoch() { atomic {
   if :: CAN(0) -> m=NEED(0) :: CAN(1) -> m=NEED(1) fi;
   f0=NX(0); t0=f0; f1=NX(1); t1=f1;
#ifdef HETERO
   if :: CAN(0) -> do :: t0<LIM(0) -> t0++ :: break od :: else fi;
   if :: CAN(1) -> do :: t1<LIM(1) -> t1++ :: break od :: else fi;
#else
   if :: CAN(0) && NEED(0)==m -> do :: t0<LIM(0) -> t0++ :: break od :: else fi;
   if :: CAN(1) && NEED(1)==m -> do :: t1<LIM(1) -> t1++ :: break od :: else fi;
#endif
   if :: t0==f0 && t1==f1 -> if :: CAN(0) && NEED(0)==m -> t0=f0+1 :: else -> t1=f1+1 fi :: else fi;
   m=0;
   if :: t0>f0 -> if :: v[0]<t0 -> v[0]=t0 :: else fi; if :: v[2]<t0 -> v[2]=t0 :: else fi :: else fi;
   if :: t1>f1 -> if :: v[1]<t1 -> v[1]=t1 :: else fi; if :: v[3]<t1 -> v[3]=t1 :: else fi :: else fi } }

#define LOST(p) (mine[p] && owner[p]!=k)
#define GOT(p) (!mine[p] && owner[p]==k)
#define BEHIND(p) (mine[p] && !(X(0,p)==N && X(1,p)==N))

proctype live(byte k) {
   byte v[4]; bool mine[2]; bool g0, g1, anew, aold; byte f0,t0,f1,t1,m,res;
again:
   atomic { mine[0]=0; mine[1]=0; v[0]=0; v[1]=0; v[2]=0; v[3]=0; f0=0; t0=0; f1=0; t1=0; res=0 };
   do
   :: atomic { LOST(0) -> mine[0]=0; v[0]=0; v[2]=0 }
   :: atomic { LOST(1) -> mine[1]=0; v[1]=0; v[3]=0 }
   :: atomic { (mine[0] || mine[1]) && (LOST(0) || LOST(1) || GOT(0) || GOT(1)) ->   /* eager: all is given up */
               mine[0]=0; mine[1]=0; v[0]=0; v[1]=0; v[2]=0; v[3]=0 }
   :: atomic { GOT(0) || GOT(1) -> g0=GOT(0); g1=GOT(1);                            /* the probe: A ... */
#ifdef NOPROBE
        if :: g0 -> v[0]=commit[0]; v[2]=commit[0]; dirty[k*P]=0 :: else fi;
        if :: g1 -> v[1]=commit[1]; v[3]=commit[1]; dirty[k*P+1]=0 :: else fi };
#else
        if :: g0 -> v[0]=X(0,0); dirty[k*P]=0 :: else fi; if :: g1 -> v[1]=X(0,1); dirty[k*P+1]=0 :: else fi };
      atomic { if :: g0 -> v[2]=X(1,0) :: else fi; if :: g1 -> v[3]=X(1,1) :: else fi };   /* ... and later B */
#endif
      atomic { if :: g0 -> mine[0]=1 :: else fi; if :: g1 -> mine[1]=1 :: else fi; g0=0; g1=0 }
   :: atomic { CAN(0) || CAN(1) -> next_epoch(); apply(0,k,res); if :: res==2 -> goto conflict :: else res=0 fi };
      atomic { apply(1,k,res); if :: res==2 -> goto conflict :: else fi;
#ifdef NOPROBE
               if :: t0>f0 && t0>commit[0] -> commit[0]=t0 :: else fi;
               if :: t1>f1 && t1>commit[1] -> commit[1]=t1 :: else fi;
#endif
               f0=0; t0=0; f1=0; t1=0; res=0 }
#ifndef NOIDLE
   :: atomic { !CAN(0) && !CAN(1) && (BEHIND(0) || BEHIND(1)) ->          /* the probe at rest */
               mine[0]=0; mine[1]=0; v[0]=0; v[1]=0; v[2]=0; v[3]=0 }
#endif
   :: DONE -> break
   od;
#ifdef SEEEND
   assert(0);
#endif
   goto over;
conflict:
   atomic { assert((t0>f0 && dirty[k*P]) || (t1>f1 && dirty[k*P+1])); res=0; goto again };
over:
   atomic { mine[0]=0; mine[1]=0; v[0]=0; v[1]=0; v[2]=0; v[3]=0 } }

#ifndef NOZOMBIE
proctype zombie() {
   byte v[4]; bool mine[2]; bool anew, aold; byte f0,t0,f1,t1,m,res;
   atomic { v[0]=X(0,0); v[1]=X(0,1); mine[0]=1; mine[1]=1 };
   atomic { v[2]=X(1,0); v[3]=X(1,1) };
   do
   :: atomic { CAN(0) || CAN(1) -> next_epoch(); apply(0,2,res); if :: res==2 -> break :: else res=0 fi };
      endw: atomic { q[0].c!f0,t0,f1,t1; f0=0; t0=0; f1=0; t1=0 }
   :: else -> break
   od;
   atomic { mine[0]=0; mine[1]=0; v[0]=0; v[1]=0; v[2]=0; v[3]=0; f0=0; t0=0; f1=0; t1=0; res=0 } }

proctype zombieB() { bool anew, aold; byte f0,t0,f1,t1,res;
end: do
   :: atomic { q[0].c?f0,t0,f1,t1 -> apply(1,2,res); if :: res==2 -> break :: else fi; f0=0; t0=0; f1=0; t1=0; res=0 }
   od;
   atomic { f0=0; t0=0; f1=0; t1=0; res=0 } }
#endif

proctype coordinator() {
end: do
   :: atomic { moves<M -> moves++;
        if
        :: owner[0]=1-owner[0]
        :: owner[1]=1-owner[1]
        :: owner[0]=1-owner[0]; owner[1]=1-owner[1]
        fi }
   od }

#ifdef REGRESS
proctype regress() { byte s; byte a0,a1,x0,x1;
   if :: s=0 :: s=1 fi;
   d_step { x0=X(s,0); x1=X(s,1); a0=app[s*P]; a1=app[s*P+1] };
   d_step { X(s,0)=x0; X(s,1)=x1; app[s*P]=a0; app[s*P+1]=a1; dirty[0]=1; dirty[1]=1; dirty[2]=1; dirty[3]=1;
            calm=1; s=0; x0=0; x1=0; a0=0; a1=0 } }
#endif

init { atomic {
   owner[1]=1;
#ifdef APART
   if
   :: X(0,0)=2; app[0]=3; X(1,1)=1; app[3]=1
   :: X(0,0)=1; app[0]=1; X(0,1)=2; app[1]=3
   :: X(1,0)=1; app[2]=1
   fi;
#endif
   run live(0); run live(1); run coordinator();
#ifndef NOZOMBIE
   run zombie(); run zombieB();
#endif
#ifdef REGRESS
   run regress();
#endif
   } }
