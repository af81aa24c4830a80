/* hta.pml: apply, catch-up and commit, in small.
 * Companions: init.pml (how a job starts), revoke.pml (partitions that move). README.md has the bounds and what
 * was measured.
 *
 * P=2 partitions of N offsets, sinks A and B, each with positions of its own. K pipelines (source, sink, sink:
 * three processes with a pipe of one barrier between them) that may crash anywhere, in pieces: what is below a
 * dead stage goes on as a zombie. Beside them a survivor, one step after the other, that starts again after every
 * conflict (exit 75). Data lines are not modelled: pipes are FIFO, so a barrier stands for all before it, and an
 * epoch is its ranges.
 *
 * Rules: the source probes and starts at the lowest position of the sinks (step 1); an epoch is ranges [f,t), at
 * most one a partition, not all empty, all needed by the same sinks, cut where a sink stands (3); a sink compares
 * and sets (4); the commit follows the last sink (5). Each switch takes one away and must make the check fail:
 *   -DHETERO       an epoch mixes partitions with different need-sets
 *   -DNOCUT        an epoch straddles a sink's position
 *   -DNOCAS        a sink skips what it has (t <= next) and adds everything else
 *   -DTRUSTCOMMIT  the source starts at the group's commit instead of the sinks' lowest position
 *   -DEARLYACK     the commit follows the first sink
 * -DREGRESS adds: one sink goes back to an older state of its own, once. -DN= offsets, -DK= pipelines beside the
 * survivor.
 *
 * Checked: (1) at every apply: each offset below a sink's position was applied there once, none above (I1); (2) a
 * conflict at the survivor means that somebody else wrote, or a store went back, since its probe (I7); (3) the
 * commit is at or below every sink's position (I4; not with REGRESS); (4) the survivor ends with everything
 * applied in both sinks; (5) with -DNP and pan -l: no cycle, so no livelock. -DSEEEND fails on purpose: the end is
 * reached.
 *
 * Names: pos = hta_pos.next; commit = the group's commits; v = the source's view, the probe's answer brought
 * forward by what was sent since; nx = next offset to read. */
#define P 2
#ifndef N
#define N 2
#endif
#ifndef K
#define K 1
#endif
byte pos[4];                    /* s*P+p */
byte cnt[4*N];                  /* (s*P+p)*N+o: how often offset o of p was applied in sink s */
byte commit[2];
bool dirty;                     /* somebody other than the survivor wrote since its probe */
#ifdef REGRESS
byte spos[2], scnt[2*N];
bool restored;
#endif
#define C(s,p,o) cnt[((s)*P+(p))*N+(o)]
#define X(s,p) pos[(s)*P+(p)]

typedef Ch { chan c = [1] of { byte,byte,byte,byte } };
Ch in1[K], in2[K];              /* pipes: source to A, A to B */

inline check(s) {
   for (ii : 0 .. P-1) { for (jj : 0 .. N-1) { assert((jj < X(s,ii)) -> (C(s,ii,jj)==1) : (C(s,ii,jj)==0)) } } }

/* the compare-and-set. res: 0 applied, 1 skipped, 2 conflict */
inline apply(s,f0,t0,f1,t1,res) { d_step {
   bool anew=1, aold=1;
#ifdef NOCAS
   anew = !((t0<=X(s,0)) && (t1<=X(s,1))); aold = !anew;
#else
   if :: (t0>f0) -> if :: (X(s,0)!=f0) -> anew=0 :: else fi; if :: (X(s,0)<t0) -> aold=0 :: else fi :: else fi;
   if :: (t1>f1) -> if :: (X(s,1)!=f1) -> anew=0 :: else fi; if :: (X(s,1)<t1) -> aold=0 :: else fi :: else fi;
#endif
   if
   :: anew -> res=0;
        jj=f0; do :: (jj<t0) -> C(s,0,jj)=C(s,0,jj)+1; jj++ :: else -> break od;
        jj=f1; do :: (jj<t1) -> C(s,1,jj)=C(s,1,jj)+1; jj++ :: else -> break od;
        if :: (t0>f0) -> X(s,0)=t0 :: else fi; if :: (t1>f1) -> X(s,1)=t1 :: else fi
   :: !anew && aold -> res=1
   :: else -> res=2
   fi;
   check(s); anew=0; aold=0; ii=0; jj=0 } }

inline ack(f0,t0,f1,t1) { d_step {
   if :: t0>f0 && t0>commit[0] -> commit[0]=t0 :: else fi;
   if :: t1>f1 && t1>commit[1] -> commit[1]=t1 :: else fi;
#ifndef REGRESS
   assert(commit[0]<=X(0,0) && commit[0]<=X(1,0) && commit[1]<=X(0,1) && commit[1]<=X(1,1))
#endif
   } }

/* The next epoch, cut anywhere: where the sinks differ on a partition, that one alone, up to the next sink's position;
 * everything once they agree. */
#ifdef NOCUT
#define LIM(p) N
#else
#define A_(p) ((v[0+(p)]>nx[p]) -> v[0+(p)] : N)
#define B_(p) ((v[2+(p)]>nx[p]) -> v[2+(p)] : N)
#define LIM(p) ((A_(p)<B_(p)) -> A_(p) : B_(p))
#endif
#define GROW(t,lim) do :: (t<lim) -> t++ :: break od
inline next_epoch() {
   f0=nx[0]; t0=f0; f1=nx[1]; t1=f1;
#ifdef HETERO
   if :: t0<LIM(0) -> t0++ :: t1<LIM(1) -> t1++ :: else fi;
   lim=LIM(0); GROW(t0,lim);
   lim=LIM(1); GROW(t1,lim);
#else
   if
   :: v[0]!=v[2] -> lim=LIM(0); if :: t0<lim -> t0++ :: else fi; GROW(t0,lim)
   :: v[1]!=v[3] -> lim=LIM(1); if :: t1<lim -> t1++ :: else fi; GROW(t1,lim)
   :: v[0]==v[2] && v[1]==v[3] -> if :: t0<N -> t0++ :: t1<N -> t1++ fi; GROW(t0,N); GROW(t1,N)
   fi;
#endif
   lim=0;
   d_step {
      nx[0]=t0; nx[1]=t1; ii=0;
      do
      :: ii<2 -> if :: v[ii*2]<t0 -> v[ii*2]=t0 :: else fi; if :: v[ii*2+1]<t1 -> v[ii*2+1]=t1 :: else fi; ii++
      :: else -> break
      od;
      ii=0 } }

/* no snapshot: B answers later than A */
inline probe() {
   atomic { v[0]=X(0,0); v[1]=X(0,1) };
   atomic { v[2]=X(1,0); v[3]=X(1,1) };
   d_step {
      ii=0; do :: ii<2 -> nx[ii] = (v[ii]<v[2+ii] -> v[ii] : v[2+ii]); ii++ :: else -> break od; ii=0;
#ifdef TRUSTCOMMIT
      nx[0]=commit[0]; nx[1]=commit[1]
#endif
   } }

proctype sinkA(byte k) { byte f0,t0,f1,t1,res,ii,jj;
end: do
   :: in1[k].c?f0,t0,f1,t1 ->
        if :: break :: skip fi;                                 /* crash before the transaction */
        atomic { apply(0,f0,t0,f1,t1,res); dirty=1 };
        if :: res==2 -> break :: else fi;
#ifdef EARLYACK
        ack(f0,t0,f1,t1);
#endif
        if :: break :: skip -> endw: in2[k].c!f0,t0,f1,t1 fi    /* crash after it: the barrier does not pass */
   od }

proctype sinkB(byte k) { byte f0,t0,f1,t1,res,ii,jj;
end: do
   :: in2[k].c?f0,t0,f1,t1 ->
        if :: break :: skip fi;
        atomic { apply(1,f0,t0,f1,t1,res); dirty=1 };
        if :: res==2 -> break :: else fi;
        if :: break :: skip -> ack(f0,t0,f1,t1) fi              /* the ack may get lost */
   od }

/* sends epochs ahead of the acks */
proctype source(byte k) { byte v[4], nx[2]; byte f0,t0,f1,t1,lim,ii;
   probe();
end: do
   :: (nx[0]>=N && nx[1]>=N) -> break
   :: (nx[0]<N || nx[1]<N) -> next_epoch(); if :: (t0>f0||t1>f1) -> endw: in1[k].c!f0,t0,f1,t1 :: else fi
   :: break                                                     /* crash */
   od }

#define FULL (X(0,0)==N && X(0,1)==N && X(1,0)==N && X(1,1)==N)
proctype survivor() { byte v[4], nx[2]; byte f0,t0,f1,t1,lim,ii,jj,res;
again:
   dirty=0; probe();
   do
   :: (nx[0]>=N && nx[1]>=N) -> break
   :: (nx[0]<N || nx[1]<N) -> next_epoch();
        if
        :: (t0>f0||t1>f1) ->
             apply(0,f0,t0,f1,t1,res); if :: res==2 -> assert(dirty); goto again :: else fi;
             apply(1,f0,t0,f1,t1,res); if :: res==2 -> assert(dirty); goto again :: else fi;
             ack(f0,t0,f1,t1)
        :: else
        fi
   od;
   if :: !FULL -> goto again :: else fi;                        /* at rest the source probes again */
#ifdef REGRESS
   restored=1;                                                  /* no store goes back after the end */
   if :: !FULL -> goto again :: else fi;
#endif
   assert(FULL);
#ifdef SEEEND
   assert(0);
#endif
   skip }

#ifdef REGRESS
proctype regress() { byte s,ii;
   if :: s=0 :: s=1 fi;
   d_step { spos[0]=X(s,0); spos[1]=X(s,1);
            ii=0; do :: ii<2*N -> scnt[ii]=cnt[s*P*N+ii]; ii++ :: else -> break od; ii=0 };
   d_step {
      if
      :: !restored -> X(s,0)=spos[0]; X(s,1)=spos[1]; restored=1; dirty=1;
           ii=0; do :: ii<2*N -> cnt[s*P*N+ii]=scnt[ii]; ii++ :: else -> break od; ii=0
      :: else
      fi } }
#endif

init { byte k; atomic {
   k=0; do :: k<K -> run source(k); run sinkA(k); run sinkB(k); k++ :: else -> break od;
   run survivor();
#ifdef REGRESS
   run regress();
#endif
   } }
