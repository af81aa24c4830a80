/* claims.pml: epochs of a sink whose store has no transactions; the positions stand in another store, which has a
 * compare-and-set. README.md has the bounds and what was measured.
 *
 * One partition of N records. Process 0 is started again whenever it has ended; process 1 believes that the partition is
 * its own too (a zombie, or one that has just taken over), and is started M times. An epoch is three steps: claim (one
 * change of the keeper), write (a request to the rows' store, which may arrive at any time later, after the death of who
 * sent it too, or never), done (the position moves). C times a process is killed behind any step, or an answer is lost,
 * which is the same: it looks at the keeper anew. A claim that it finds open there it settles: it makes the claim's id
 * useless, looks whether the id was written, and then moves the position or drops the claim. The next epoch may have
 * other pieces.
 *
 * Rules taken away (each must make the check fail):
 *   -DNOBURN      settling looks, and does not make the id useless
 *   -DLOOKFIRST   it looks first
 *   -DNOCLAIM     no claim is taken
 *   -DNOOPEN      a claim is taken where another one is open
 *   -DBLIND       a claim is taken whatever the position is now
 *   -DTRUSTWRITE  an answer to a write is taken for the proof that it was stored
 *   -DSAMEID      the id of a claim follows from its range, and is used again
 *
 * Checked: (1) a record is stored once; (2) no invalid end state, and there all is stored; (3) with -DNP and pan -l: no
 * cycle. -DSEETX fails on purpose: the end is reached.
 *
 * Names: pos = the position in the keeper; open = the id that stands there; from, to = its range; stored, burnt = what
 * the rows' store knows of an id; way = a request on its way. */
#ifndef N
#define N 2
#endif
#ifndef M
#define M 2
#endif
#ifndef C
#define C 2
#endif
#define IDS 10
#define NONE 0
byte cnt[N];                 /* how often a record is stored */
byte pos;
byte open;
byte from[IDS], to[IDS];
bool stored[IDS], burnt[IDS], way[IDS];
byte ids, kills, lives;
bool left;                   /* process 1 does not come again */

inline move(d) { if :: pos==from[d] -> pos=to[d] :: else fi }

/* What is open, and what it turns out to be. */
inline settle_claim(c) {
#ifdef LOOKFIRST
   s=stored[c];
   if :: !stored[c] -> burnt[c]=1 :: else fi;
#else
#ifndef NOBURN
   if :: !stored[c] -> burnt[c]=1 :: else fi;
#endif
   s=stored[c];
#endif
   if
   :: s -> atomic { move(c); s=0 }
   :: !s -> atomic { if :: open==c && pos==from[c] -> open=NONE :: else fi }
   fi }

proctype process(byte k) {
   byte v, end, c, my, i;
   bool s;
again:
   atomic { end=0; my=0; c=0; s=0; i=0 };
   if
   :: k==0
   :: atomic { k==1 && lives<M -> lives++ }
   :: k==1 -> goto gone
   fi;
load:
   atomic { v=pos; c=open };
   if
   :: c!=NONE && from[c]==v && v<N ->
        settle_claim(c);
        if :: atomic { kills<C -> kills++; goto again } :: k==0 -> goto load :: k==1 -> goto again fi
   :: v==N && k==1 -> goto gone
   :: v==N && k==0 -> left -> goto done
   :: !(c!=NONE && from[c]==v) && v<N
   fi;
   if :: end=v+1 :: v+1<N -> end=v+2 fi;
   atomic {
#ifdef SAMEID
      my=1+v*2+(end-v-1);
#else
      ids++; my=ids; assert(ids<IDS);
#endif
      from[my]=v; to[my]=end;
#ifndef NOCLAIM
      if
#ifdef NOOPEN
      :: pos==v -> open=my
      :: pos!=v -> goto again
#else
      :: pos==v && open==c -> open=my
      :: !(pos==v && open==c) -> goto again
#endif
      fi
#endif
   };
   if :: atomic { kills<C -> kills++; goto again } :: true fi;
   way[my]=1;
   if
   :: atomic { kills<C -> kills++; goto again }
   :: stored[my]
#ifdef TRUSTWRITE
   :: burnt[my]                      /* the store answers, and has swallowed it */
#else
   :: burnt[my] -> goto again        /* 75 */
#endif
   fi;
   if :: atomic { kills<C -> kills++; goto again } :: true fi;
   atomic { move(my) };
   if :: k==0 -> goto load :: k==1 -> goto again fi;
done:
#ifdef SEETX
   assert(0);
#endif
   atomic { i=0; do :: i<N -> assert(cnt[i]==1); i++ :: else -> break od };
gone:
   left = left || k==1
}

/* A request arrives: once, and under an id that is of use. */
inline arrive(d) {
   way[d] -> way[d]=0;
   if
   :: burnt[d] || stored[d]
   :: else -> stored[d]=1; i=from[d];
        do :: i<to[d] -> cnt[i]++; assert(cnt[i]==1); i++ :: else -> break od;
        i=0
   fi }

proctype store() {
   byte i;
end_idle:
   do
   :: atomic { arrive(1) }
   :: atomic { arrive(2) }
   :: atomic { arrive(3) }
   :: atomic { arrive(4) }
   :: atomic { arrive(5) }
   :: atomic { arrive(6) }
   :: atomic { arrive(7) }
   :: atomic { arrive(8) }
   :: atomic { arrive(9) }
   od }

init { atomic { run process(0); run process(1); run store() } }
