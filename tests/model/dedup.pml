/* dedup.pml: which records are unique, and a replay gets the verdicts of the first run, in small.
 * Companions: hta.pml (apply and catch-up, which are taken as they are here). README.md has the bounds.
 *
 * P partitions of N records, all of one key, flow through dedup into sinks A and B. A record's time is 0 or 1, never
 * falling in a partition, and 1 is beyond the horizon of 0: so the key comes again, and both in one partition and over
 * both. Records of the two partitions come in any order, and in another one after a crash; epochs are cut anywhere, up
 * to two are on their way between the stages. C crashes, anywhere; the state is what was saved.
 *
 * has: records that have a place in the key, a bit each; nxt: the stage's own positions. Both are written in one step,
 * before the barrier passes.
 *
 * Rules, of hta-protocol(7), UNIQUE RECORDS. Each switch takes one away and must make the check fail:
 *   -DNOMEMBER   a replay is judged by the key alone, not by its own place
 *   -DLATEST     only the latest place of a key is stored
 *   -DLATESAVE   the barrier passes before the state is saved
 *   -DNOCHECK    a state that is older than the sinks is taken (RESTORE)
 *   -DREADONLY   only partitions that have new records are compared with it (RESTORE)
 *   -DNOPOS      the stage's own position is not looked at (DROP)
 *   -DEARLYDROP  places are dropped that a sink may still need (DROP)
 *   -DNOFLOOR    a replay from below what was dropped is taken (DROP BACK)
 * Scenes: -DDROP: places that both sinks are beyond may be dropped, as --max-keys has it. -DRESTORE: once the state goes
 * back to what it was at any time. -DBACK: once sink B goes back to its start. -DSEEEND, -DSEE78 fail on purpose.
 *
 * C: how many crashes.
 * Checked: (1) after every transaction: a record has one verdict in both sinks; (2) at the end: a record that was left
 * out has a unique one of its time or later; (3) no two unique ones are within the horizon (not where places were
 * dropped: then that is counted, not prevented); 78 only if a store went back. */
#define P 2
#ifndef N
#define N 2
#endif
#ifndef C
#define C 2
#endif
#define R (P*N)
#define BIT(r) (1<<(r))
#define TIME(r) (((r)%N)>=turn[(r)/N])
#define MIN(a,b) ((a)<(b) -> (a) : (b))
#define MAX(a,b) ((a)>(b) -> (a) : (b))
byte turn[P];                           /* the first offset of time 1 */
byte va[R], vb[R], posa[P], posb[P];    /* sinks: verdicts (0 none, 1 left out, 2 unique), positions */
byte nxt[P], has, flr[P];               /* the state */
byte snxt[P], shas, sflr[P];            /* an older one */
byte mem, seea[P], seeb[P], frm[P], to[P], uniq;  /* volatile: places; the source's view; the open epoch */
byte crashes;
bool kept, restored, back, saved, over;
hidden byte i, r, latest, lim, witness, lone, alone;  /* scratch of one step */
bool past;
byte e0, e1, t0, t1, u;                  /* an epoch at a sink */
chan toa=[1] of { byte, byte, byte, byte, byte };
chan tob=[1] of { byte, byte, byte, byte, byte };

/* the state is older than a sink */
inline compare() {
   past=0;
   for (i : 0 .. P-1) {
#ifdef READONLY
      if :: posa[i]<N && MAX(posa[i],posb[i])>nxt[i] -> past=1 :: else fi
#else
      if :: MAX(posa[i],posb[i])>nxt[i] -> past=1 :: else fi
#endif
   } }

inline begin() {
   d_step {
      if :: toa?_,_,_,_,_ :: empty(toa) fi;
      if :: tob?_,_,_,_,_ :: empty(tob) fi;
      mem=has; uniq=0; saved=0;
      for (i : 0 .. P-1) { seea[i]=posa[i]; seeb[i]=posb[i]; frm[i]=MIN(posa[i],posb[i]); to[i]=frm[i] };
      compare(); i=0 } }

/* how far partition p may be read: where the sinks differ, one alone, up to the next sink's position */
inline limit(p) {
   lim=N; alone=0;
   for (i : 0 .. P-1) {
      if :: !alone && seea[i]!=seeb[i] -> alone=1; lim=(i==p -> MAX(seea[i],seeb[i]) : 0) :: else fi } }

inline verdict(p) {
   r=p*N+to[p]; latest=0;
   for (i : 0 .. R-1) { if :: (mem & BIT(i)) -> latest=MAX(latest,1+TIME(i)) :: else fi }
   if
#ifndef NOMEMBER
   :: (mem & BIT(r)) -> uniq=uniq|BIT(r)
   :: !(mem & BIT(r)) &&
#else
   ::
#endif
#ifdef NOPOS
      latest>=1+TIME(r) -> skip
   :: else ->
#else
      (to[p]<nxt[p] || latest>=1+TIME(r)) -> skip
   :: else ->
#endif
      uniq=uniq|BIT(r);
#ifdef LATEST
      mem=BIT(r)
#else
      mem=mem|BIT(r)
#endif
   fi;
   to[p]++ }

inline refused() {
   past=0;
#ifndef NOFLOOR
   for (i : 0 .. P-1) { if :: to[i]>frm[i] && frm[i]<flr[i] -> past=1 :: else fi }
#endif
}

inline save() {
   has=mem;
   for (i : 0 .. P-1) { nxt[i]=MAX(nxt[i],to[i]) } }

/* the place of record q, which has one */
inline drop(q) {
   mem=mem & (255-BIT(q)); has=mem; flr[q/N]=MAX(flr[q/N],q%N+1) }

/* a sink's transaction: the epoch of partition 0 from e0 to t0, of 1 from e1 to t1 */
#define APPLIES(pos) ((t0<=e0 || pos[0]==e0) && (t1<=e1 || pos[1]==e1))
#define APPLIED(pos) ((t0<=e0 || pos[0]>=t0) && (t1<=e1 || pos[1]>=t1))
#define COVERED(r) (((r)/N==0 && (r)%N>=e0 && (r)%N<t0) || ((r)/N==1 && (r)%N>=e1 && (r)%N<t1))
inline agree() { for (i : 0 .. R-1) { assert(va[i]==0 || vb[i]==0 || va[i]==vb[i]) } }

inline apply_a() {
   for (i : 0 .. R-1) { if :: COVERED(i) -> va[i]=((u & BIT(i)) -> 2 : 1) :: else fi };
   posa[0]=MAX(posa[0],t0); posa[1]=MAX(posa[1],t1); agree() }

inline apply_b() {
   for (i : 0 .. R-1) { if :: COVERED(i) -> vb[i]=((u & BIT(i)) -> 2 : 1) :: else fi };
   posb[0]=MAX(posb[0],t0); posb[1]=MAX(posb[1],t1); agree() }

proctype Pipe() {
   byte p;
again:
   skip;
   begin();
   skip;
#ifndef NOCHECK
   if :: past -> goto stopped :: else fi;
#endif
   do
   :: crashes<C -> crashes++;
      if
#ifdef RESTORE
      :: kept && !restored -> d_step { restored=1; has=shas; for (i : 0 .. P-1) { nxt[i]=snxt[i]; flr[i]=sflr[i] }; i=0 }
#endif
#ifdef BACK
      :: !back -> d_step { back=1; for (i : 0 .. P-1) { posb[i]=0 } for (i : 0 .. R-1) { vb[i]=0 }; i=0 }
#endif
      :: true
      fi;
      goto again
#ifdef RESTORE
   :: !kept -> d_step { kept=1; shas=has; for (i : 0 .. P-1) { snxt[i]=nxt[i]; sflr[i]=flr[i] } }
#endif
   :: !saved ->
      select(p : 0 .. P-1);
      skip;
      d_step { limit(p); if :: to[p]<lim -> verdict(p) :: else fi }
#ifdef LATESAVE
   :: !saved && (to[0]>frm[0] || to[1]>frm[1]) && nfull(toa) -> saved=1;
      toa!frm[0],frm[1],to[0],to[1],uniq
   :: saved ->
      d_step { save(); saved=0; uniq=0;
         for (i : 0 .. P-1) { seea[i]=MAX(seea[i],to[i]); seeb[i]=MAX(seeb[i],to[i]); frm[i]=to[i] }; i=0 }
#else
   :: !saved && (to[0]>frm[0] || to[1]>frm[1]) ->
      d_step { refused(); i=0 };
      if :: past -> goto stopped :: else fi;
      d_step { save(); saved=1 }
   :: saved && nfull(toa) ->
      d_step {
         toa!frm[0],frm[1],to[0],to[1],uniq; saved=0; uniq=0;
         for (i : 0 .. P-1) { seea[i]=MAX(seea[i],to[i]); seeb[i]=MAX(seeb[i],to[i]); frm[i]=to[i] }; i=0 }
#endif
#ifdef DROP
   :: saved ->
      select(p : 0 .. R-1);
      skip;
      d_step {
         if
#ifdef EARLYDROP
         :: (mem & BIT(p)) && p%N<nxt[p/N] -> drop(p)
#else
         :: (mem & BIT(p)) && p%N<MIN(posa[p/N],posb[p/N]) -> drop(p)
#endif
         :: else
         fi }
#endif
   :: nempty(toa) && nfull(tob) ->
      d_step { toa?e0,e1,t0,t1,u; if :: APPLIES(posa) -> apply_a() :: else -> if :: APPLIED(posa) :: else -> u=255 fi fi };
      if
      :: u==255 -> goto again
      :: else -> tob!e0,e1,t0,t1,u
      fi
   :: nempty(tob) ->
      d_step { tob?e0,e1,t0,t1,u; if :: APPLIES(posb) -> apply_b() :: else -> if :: APPLIED(posb) :: else -> u=255 fi fi };
      if :: u==255 -> goto again :: else fi
   :: !saved && posa[0]==N && posa[1]==N && posb[0]==N && posb[1]==N && empty(toa) && empty(tob) -> break
   od;
   over=1; goto end;
stopped:
   assert(restored || back);
#ifdef SEE78
   assert(0);
#endif
end:
   skip }

init {
   byte t;
   select(t : 0 .. N); turn[0]=t;
   select(t : 0 .. N); turn[1]=t;
   run Pipe();
   (_nr_pr==1);
   if
   :: over ->
#ifdef SEEEND
      assert(0);
#endif
      d_step {
         for (r : 0 .. R-1) {
            witness=(va[r]==2); lone=1;
            for (i : 0 .. R-1) {
               if :: va[i]==2 && TIME(i)>=TIME(r) -> witness=1 :: else fi;
               if :: i!=r && va[i]==2 && va[r]==2 && TIME(i)==TIME(r) -> lone=0 :: else fi };
            assert(witness);
#ifndef DROP
            assert(lone)
#endif
         } }
   :: else
   fi }
