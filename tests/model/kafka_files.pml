/* kafka_files.pml: an epoch of a job over files as a transaction of Kafka, with its positions as records of a compacted
 * topic. README.md has the bounds and what was measured.
 *
 * One file of N records. Files have no group: whose turn it is, the transactional id says, which is the job's. Whoever
 * takes it (init_transactions) gets a higher epoch of it, ends the transaction that is open, waits for one that is
 * decided, and reads the positions behind that. The broker takes records, positions and the commit from the latest epoch
 * only. Process 0 is started again whenever it has ended; process 1 is one of the same job elsewhere, started M times.
 * Whoever has not noticed that it was put out is the zombie. Where there are no positions the first transaction writes
 * them.
 *
 * An epoch is three steps with any delay between them: records, position, commit. The commit decides; what was written
 * is seen later, topic by topic. C kills fall behind any step, behind the commit too: its answer is lost. Once a
 * transaction ends by the broker's time-out. R times a process has a record refused: it ends its transaction, takes the
 * id with a new producer, and sends the epoch again.
 *
 * Rules taken away (each must make the check fail):
 *   -DEARLYREAD     positions are read before the id is taken
 *   -DNOWAIT        taking the id does not wait for a transaction that is decided (Kafka's rule)
 *   -DNOREREAD      they are not read anew where the id is taken anew
 *   -DUNCOMMITTED   they are read without regard to transactions
 *   -DOUTSIDE       a position is written behind the transaction
 *   -DOWNID         each process has a transactional id of its own
 *
 * Checked: (1) a record is seen once; (2) no invalid end state, and there all is seen; (3) with -DNP and pan -l: no
 * cycle. -DSEETX fails on purpose: the end is reached.
 *
 * Names: pos = what a reader of committed records finds as the position; raw = the last record there; v = what a
 * process knows of it; my = its epoch of the id. */
#ifndef N
#define N 2
#endif
#ifndef M
#define M 2
#endif
#ifndef C
#define C 1
#endif
#ifndef R
#define R 1
#endif
#define NONE 9
#define IDLE 0
#define OPEN 1
#define DECIDED 2
#ifdef OWNID
#define ID k
#else
#define ID 0
#endif
byte cnt[N];               /* how often a record is seen */
byte pos = NONE, raw = NONE;
byte epoch[2], tx[2];      /* of a transactional id: its epoch, its transaction */
byte from[2], to[2];       /* the records in that: from == to is none */
byte put[2] = NONE;        /* the position in it */
byte kills, lives, renewals;
bool expired;              /* the broker has ended one by its time-out */
bool left;                 /* process 1 does not come again */
#define DONE (left && pos==N && tx[0]==IDLE && tx[1]==IDLE)

inline end_tx(d) { tx[d]=IDLE; from[d]=0; to[d]=0; put[d]=NONE }

inline see(d) {
   i=from[d];
   do :: i<to[d] -> cnt[i]++; assert(cnt[i]==1); i++ :: else -> break od;
   from[d]=0; to[d]=0; i=0 }

inline read_positions() {
#ifdef UNCOMMITTED
   v=raw
#else
   v=pos
#endif
}

inline take_id() {
   atomic {
#ifndef NOWAIT
      tx[ID]!=DECIDED ->
#endif
      if :: tx[ID]==OPEN -> end_tx(ID) :: else fi;
      epoch[ID]++; my=epoch[ID] } }

proctype process(byte k) {
   byte v, at, my, end, i;
again:
   atomic { at=0; end=0; my=0; v=NONE };
   if
   :: k==0 && DONE -> goto done
   :: k==0 && !DONE
   :: atomic { k==1 && lives<M -> lives++ }
   :: k==1 -> goto gone
   fi;
#ifdef EARLYREAD
   atomic { read_positions() };
   take_id();
#else
   take_id();
   atomic { read_positions() };
#endif
   do
   :: v==N ->
      if
      :: k==0 && DONE -> goto done
      :: k==1 -> goto gone
      :: atomic { pos!=N && tx[0]!=DECIDED && tx[1]!=DECIDED -> goto again }  /* a source at rest looks */
      fi
   :: v!=N ->
      atomic { if :: v==NONE -> at=0; end=0 :: else -> at=v; if :: end=v+1 :: v+1<N -> end=v+2 fi fi };
write:
      if
      :: atomic { my==epoch[ID] && tx[ID]==IDLE -> tx[ID]=OPEN; from[ID]=at; to[ID]=end }
      :: my!=epoch[ID] -> goto again            /* 75 */
      fi;
      if
      :: atomic { kills<C -> kills++; goto again }
      :: atomic { my==epoch[ID] && tx[ID]==OPEN ->
#ifndef OUTSIDE
           put[ID]=end; raw=end
#endif
         }
      :: atomic { !(my==epoch[ID] && tx[ID]==OPEN) -> goto again }
      :: atomic { renewals<R -> renewals++; if :: my==epoch[ID] && tx[ID]==OPEN -> end_tx(ID) :: else fi };
           take_id();
#ifndef NOREREAD
           atomic { i=v; read_positions(); if :: v!=i -> goto again :: else -> i=0 fi };
#endif
           goto write
      fi;
      if
      :: atomic { kills<C -> kills++; goto again }
      :: atomic { my==epoch[ID] && tx[ID]==OPEN -> tx[ID]=DECIDED }
      :: atomic { !(my==epoch[ID] && tx[ID]==OPEN) -> goto again }
      fi;
      if
      :: atomic { kills<C -> kills++; goto again }
      :: atomic { true ->
#ifdef OUTSIDE
           pos=end; raw=end;
#endif
           v=end }
      fi
   od;
done:
#ifdef SEETX
   assert(0);
#endif
   atomic { i=0; do :: i<N -> assert(cnt[i]==1); i++ :: else -> break od };
gone:
   left = left || k==1
}

/* What is decided is seen in one topic, then in the other. */
inline appear(d) { tx[d]==DECIDED ->
   if
   :: from[d]<to[d] -> see(d)
   :: put[d]!=NONE -> pos=put[d]; put[d]=NONE
   :: from[d]==to[d] && put[d]==NONE -> end_tx(d)
   fi }

proctype coordinator() {
   byte i;
end_idle:
   do
   :: atomic { appear(0) }
   :: atomic { appear(1) }
   :: atomic { !expired && tx[0]==OPEN -> expired=1; end_tx(0); epoch[0]++ }
   od }

init { atomic { run process(0); run process(1); run coordinator() } }
