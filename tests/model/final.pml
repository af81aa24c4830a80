/* final.pml: final rows, once each, while others count: the mark, in small.
 * Companions: hta.pml (apply and catch-up, which final rows have as any other stream). README.md has the bounds.
 *
 * M partitions of N events each are counted into one store, a transaction an event: the row of its window, the
 * partition's watermark and whether it is idle. Event times are any, in any order, so a partition that was idle wakes
 * up behind the mark. K readers, each of which may die anywhere and begin again: probe the position in the store that
 * is written, snapshot of mark and rows of the store that is read, transaction of rows and position under
 * compare-and-set. A reader that is slow is a zombie beside the other one.
 *
 * Time w is inside of window w, which ends at w+1. wm is a time and one, 0 none; window w is final when w+1 <= wm-1, so
 * wm-1 windows are. pos says how many are out.
 *
 * Rules, of hta-protocol(7), FINAL ROWS AS A SOURCE. Each switch takes one away and must make the check fail:
 *   -DTORN       the mark is read behind the snapshot of the rows
 *   -DMOVEFIRST  the position moves in a transaction of its own, before the rows are stored
 *   -DROWSFIRST  likewise, but behind them
 *   -DNOCAS      no compare-and-set
 *   -DBACK       the position follows the mark when it goes back
 *   -DFORGET     late_after_final goes by the mark as it is and not by the highest that the sink has seen
 * -DMARKFIRST (holds): the mark before the rows, as of a store without snapshots. -DSEEEND, -DSEEAFTER fail on
 * purpose: the end is reached, with a delta behind the mark.
 *
 * Checked: (1) after every transaction: the windows below pos are out once, those above not; (2) at the end: what a
 * window lacks in what is out was counted as late_after_final; (3) at the end all that is final is out. */
#define M 2
#ifndef N
#define N 2
#endif
#ifndef K
#define K 2
#endif
#define W 2
byte all[W];                    /* rows of the store that is read: events of each window */
byte wm[M], high;               /* its watermarks; the highest mark before an epoch */
bool idle[M];
byte after[W];                  /* late_after_final */
byte out[W], val[W], pos;       /* the store that is written: how often, with how many events, position */
byte counted, ended;
hidden byte m, low, ii;         /* scratch of one step */

inline mark() {
   m=0; low=255;
   for (ii : 0 .. M-1) {
      if :: wm[ii]>m -> m=wm[ii] :: else fi;
      if :: !idle[ii] && wm[ii]<low -> low=wm[ii] :: else fi }
   if :: low<255 -> m=low :: else fi }

/* windows that are final by a mark */
#define FINAL(m) ((m)>W -> W : ((m)>0 -> (m)-1 : 0))

proctype Count(byte p) {
   byte n, e; bool i;
   do
   :: n<N ->
      select(e : 0 .. W);
      if :: i=0 :: i=1 fi;
      skip;
      d_step {
         mark();
#ifdef FORGET
         high=m;
#else
         if :: m>high -> high=m :: else fi;
#endif
         if
         :: e<W -> all[e]++; if :: e<FINAL(high) -> after[e]++ :: else fi
         :: else
         fi;
         if :: e+1>wm[p] -> wm[p]=e+1 :: else fi;
         idle[p]=i; n++ }
   :: n==N -> break
   od;
   skip;
   d_step { idle[p]=1; counted++ } }

/* until where the store is final, and whether that is the last word */
inline look() { mark(); t=FINAL(m); fin=(counted==M) }

proctype Read() {
   byte f, t, r[W]; bool fin;
again:
   f=pos;
   d_step { t=0; fin=0; for (ii : 0 .. W-1) { r[ii]=0 } }
#if defined(TORN)
   d_step { for (ii : 0 .. W-1) { r[ii]=all[ii] } }
   d_step { look() }
#elif defined(MARKFIRST)
   d_step { look() }
   d_step { for (ii : 0 .. W-1) { r[ii]=all[ii] } }
#else
   d_step { look(); for (ii : 0 .. W-1) { r[ii]=all[ii] } }
#endif
   if
   :: goto again        /* dies, and is started again */
   :: t>f
#ifdef BACK
   :: t<f -> d_step { if :: pos==f -> pos=t :: else fi }; goto again
   :: t==f && fin -> goto over
   :: t==f && !fin -> goto again
#else
   :: t<=f && fin -> goto over
   :: t<=f && !fin -> goto again
#endif
   fi;
   skip;
#if defined(MOVEFIRST)
   d_step { if :: pos==f -> pos=t :: else t=f fi }
   if :: t==f -> goto again :: goto again :: t>f fi;
   skip;
   d_step { for (ii : 0 .. W-1) { if :: f<=ii && ii<t -> out[ii]++; val[ii]=r[ii] :: else fi } }
#elif defined(ROWSFIRST)
   d_step { for (ii : 0 .. W-1) { if :: f<=ii && ii<t -> out[ii]++; val[ii]=r[ii] :: else fi } }
   if :: goto again :: true fi;
   skip;
   d_step { if :: pos==f -> pos=t :: else fi }
#else
   d_step {
#ifndef NOCAS
      if :: pos!=f -> t=f :: else fi;
#endif
      for (ii : 0 .. W-1) { if :: f<=ii && ii<t -> out[ii]++; val[ii]=r[ii] :: else fi }
      if :: t>f -> pos=t :: else fi;
      for (ii : 0 .. W-1) { assert((ii<pos) -> (out[ii]==1) : (out[ii]==0)) } }
#endif
   goto again;
over:
   ended++ }

init {
   byte t;
   atomic {
      for (ii : 0 .. M-1) { run Count(ii) }
      for (ii : 1 .. K) { run Read() } }
   (counted==M && ended==K);
   d_step {
      mark(); t=FINAL(m);
      for (ii : 0 .. W-1) {
         assert((ii<pos) -> (out[ii]==1) : (out[ii]==0));
         assert(ii>=pos || val[ii]+after[ii]>=all[ii]) }
      assert(pos>=t) }
#ifdef SEEEND
   assert(0);
#endif
#ifdef SEEAFTER
   if :: val[0]<all[0] && out[0]==1 -> assert(0) :: else fi;
#endif
}
