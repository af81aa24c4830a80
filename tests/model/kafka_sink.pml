/* kafka_sink.pml: an epoch as a transaction of Kafka, with the offsets of the source's own group.
 * README.md has the bounds and what was measured.
 *
 * One partition of N offsets, two pipelines (0 and 1) of one group. The group's coordinator says who owns the
 * partition; it moves M times, and its generation, `grp`, rises with each move. A pipeline notices a move whenever it
 * likes: until then it is a zombie that goes on with what it has. An epoch is three steps with any delay between
 * them: records are written (nobody sees them), offsets are added (the coordinator compares the generation), the
 * transaction commits: records are seen and the position moves, in one step. C times a pipeline is killed at any of
 * them; the transaction that it leaves open is ended when it starts again (its transactional id), or, once, before
 * that: the broker's time-out, which a pipeline that merely sleeps meets too.
 *
 * A job starts once: a pipeline that finds no start takes the right to write one (a transactional id of the group's,
 * `lock` counts who had it), reads, and writes only what is not there and while nobody has taken the right meanwhile.
 *
 * Rules taken away (each must make the check fail):
 *   -DNOMEMBER      offsets are taken from any generation, as those of a group without members are
 *   -DUNSTABLE      positions are read while a transaction over them is open
 *   -DONEREAD       positions are read once, and not for each membership
 *   -DSOURCECOMMITS the source commits what was acknowledged, as it does for other sinks
 *   -DNOTX          records are seen before the offsets move
 *   -DNOLOCK        whoever has found no start writes one
 *
 * Checked: (1) a record is seen once; (2) the position says what was seen; (3) no invalid end state: all is seen at
 * the end; (4) with -DNP and pan -l: no cycle. -DSEETX fails on purpose: the end is reached.
 *
 * Names: pos = the group's commit; v = what a pipeline knows of it; g = the generation of its membership. */
#ifndef N
#define N 2
#endif
#ifndef M
#define M 2
#endif
#ifndef C
#define C 1
#endif
byte pos;
byte cnt[N];            /* how often a record is seen */
byte grp = 1, owner, moves, kills;
bool open[2], added[2]; /* a transaction; it has offsets */
byte from[2], to[2];
bool expired;           /* the broker has ended one by its time-out */
bool started;
byte lock;
#ifdef SOURCECOMMITS
byte late, late_grp;    /* a commit of the source's that is on its way */
#endif
#define DONE (pos==N && moves==M)

inline see(k) {
   i=from[k];
   do :: i<to[k] -> cnt[i]++; assert(cnt[i]==1); i++ :: else -> break od;
   i=0 }

inline end_open(k) { open[k]=0; added[k]=0; from[k]=0; to[k]=0 }

proctype pipeline(byte k) {
   byte v, g, i, my; bool known, none;
again:
   atomic { end_open(k); v=0; g=0; my=0; none=0 };
#ifndef ONEREAD
   known=0;
#endif
   /* the start */
   atomic { none=!started; if :: none -> lock++; my=lock :: else fi };
   if
   :: none ->
#ifdef NOLOCK
        atomic { started=1; pos=0; my=0 }
#else
        if
        :: atomic { !started && lock==my -> started=1; pos=0 }
        :: atomic { started || lock!=my -> skip };
progress_lost: skip            /* the other one has taken the right: two may do so in turn, for a while */
        fi;
        my=0
#endif
   :: else
   fi;
   if :: !started -> goto again :: else fi;
   /* a member with the partition: what is stored */
   if
   :: DONE -> goto end
   :: atomic { owner==k -> g=grp }
   fi;
   if
   :: known
#ifdef UNSTABLE
   :: atomic { !known -> v=pos; known=1 }
#else
   :: atomic { !known && !added[1-k] -> v=pos; known=1 }
#endif
   :: atomic { owner!=k || g!=grp -> goto again }
   fi;
   do
   :: atomic { v<N -> open[k]=1; from[k]=v; to[k]=v+1; if :: to[k]<N -> to[k]++ :: skip fi };
#ifdef NOTX
      atomic { see(k) };
#endif
      /* offsets */
      if
      :: atomic { kills<C -> kills++; goto killed }
      :: atomic { open[k] ->
           if
#ifdef NOMEMBER
           :: added[k]=1
#else
           :: g==grp -> added[k]=1
           :: else -> goto again                /* 75 */
#endif
           fi }
      :: atomic { !open[k] -> goto again }      /* its time was over: 75 */
      fi;
      /* commit */
      if
      :: atomic { kills<C -> kills++; goto killed }
      :: atomic { open[k] ->
#ifndef NOTX
           see(k);
#endif
           pos=to[k]; v=pos; assert(cnt[pos-1]==1 && (pos==N || cnt[pos]==0));
#ifdef SOURCECOMMITS
           if :: late==0 -> late=v; late_grp=g :: else fi;
#endif
           end_open(k) }
      :: atomic { !open[k] -> goto again }
      fi
   :: atomic { owner!=k || g!=grp -> goto again }  /* it notices */
   :: DONE -> goto end
   od;
killed:
   goto again;
end:
#ifdef SEETX
   assert(0)
#else
   skip
#endif
}

proctype coordinator() {
   do
   :: atomic { moves<M -> moves++; grp++; owner=1-owner }
   :: atomic { !expired && open[0] -> expired=1; end_open(0) }
   :: atomic { !expired && open[1] -> expired=1; end_open(1) }
#ifdef SOURCECOMMITS
   :: atomic { late && late_grp==grp -> pos=late; late=0 }
#endif
   :: DONE -> break
   od }

init { atomic { run pipeline(0); run pipeline(1); run coordinator() } }
