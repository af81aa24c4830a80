/* dedup_hosts.pml: which records are unique where several hosts share the keys, in small.
 * Companion: dedup.pml (one process, two sinks that are apart, a state that goes back). README.md has the bounds.
 *
 * P partitions of N records, all of one key, times 0 and 1 as in dedup.pml. Two hosts, each with the partitions that the
 * group gave it at its start; M moves, so one of them may be a zombie for any time. C kills of a host at any step, S
 * restarts of the server, which then has what was durable. A host asks the server for one record at a time, which is the
 * finest that its calls may be cut; two steps make a barrier: the positions, then durable and passed on.
 *
 * has: records that have a place in the key, a bit each; nxt: positions; dhas, dnxt: the durable ones. ok: the fences of
 * a host that are current. A barrier that has passed may be in any sink or in none: vu, vd are the verdicts that it took
 * along (unique, left out). A source begins anywhere up to there; in DROP at pos, which follows.
 *
 * Rules, of README.md. Each switch takes one away and must make the check fail:
 *   -DNOPLACE    a claim is the place of its record
 *   -DEXPIRE     a claim stays until its record is below the position
 *   -DNOFENCE    a call of an older assignment is refused (GAP)
 *   -DNEXTFIRST  positions are not durable before the places are
 *   -DNOWAIT     both are durable before the barrier passes
 *   -DRECONNECT  who was connected when the server went starts anew
 *   -DEARLYBAR   a barrier has all answers
 *   -DNORELEASE  a claim that the barrier goes over unread is released (GAP)
 *   -DOWNTIME    places are dropped by the time of all partitions, not of the host's own (DROP)
 *   -DNOLOW      a barrier from below the floor is refused (DROP)
 * Scenes: -DGAP: once the log loses a record. -DDROP: places are dropped when all sinks are beyond them and beyond the
 * horizon. -DSEEEND, -DSEEGHOST (a claim was released) fail on purpose.
 *
 * Checked: (1) at each barrier that passes: a record has the verdict that it had before; (2) at the end: a record that
 * was left out has a unique one of its time or later, or one that the log lost and that was not released yet when it was
 * asked for (or could not be: `late`, sealed by a barrier that did not pass); (3) no two unique
 * ones are within the horizon; (4) no start finds the state behind a sink. */
#define P 2
#ifndef N
#define N 2
#endif
#ifndef C
#define C 1
#endif
#ifndef M
#define M 1
#endif
#ifndef S
#define S 1
#endif
#define R (P*N)
#define BIT(r) (1<<(r))
#define TIME(r) (((r)%N)>=turn[(r)/N])
#define AT(h,p) ((h)*P+(p))
#define MAX(a,b) ((a)>(b) -> (a) : (b))
byte turn[P];                            /* the first offset of time 1 */
byte own[P];                             /* the group's: who has the partition */
byte nxt[P], has, flr[P];                /* the server */
byte dnxt[P], dhas, dflr[P];             /* of it, durable */
byte pos[P], pas[P], vu, vd;             /* the sinks' lowest (DROP); barriers that have passed: positions, verdicts */
byte mine[P], ok[P], frm[4], to[4], rd[P], uniq[P], phase[P]; /* hosts: partitions, fences, the open epoch */
byte blame[R], lost, ghost, late;        /* whom an answer named; what the log lost; what was released; sealed, then lost */
byte crashes, moves, restarts;
bool expired;
hidden byte i, r, latest, near, lone, witness, low, same;
byte behind;
#ifdef GAP
#define BLAME blame[r]=near
#else
#define BLAME skip
#endif
#define ENDED (pas[0]==N && pas[1]==N)
#define GIVEN(h) ((own[0]==h -> 1 : 0)+(own[1]==h -> 2 : 0))
#ifdef NOFENCE
#define CLAIMS(h,p) (mine[h] & BIT(p))
#define FENCED(h) (1)
#else
#define CLAIMS(h,p) (ok[h] & BIT(p))
#define FENCED(h) ((mine[h] & ok[h])==mine[h])
#endif
#ifdef NOLOW
#define PASSES(h) FENCED(h)
#else
#define KEPT(h,p) (!(mine[h] & BIT(p)) || frm[AT(h,p)]==to[AT(h,p)] || frm[AT(h,p)]>=flr[p])
#define PASSES(h) (FENCED(h) && KEPT(h,0) && KEPT(h,1))
#endif

inline forget(h) {
   mine[h]=0; ok[h]=0; rd[h]=0; uniq[h]=0; phase[h]=0;
   for (i : 0 .. P-1) { frm[AT(h,i)]=0; to[AT(h,i)]=0 } }

/* where the sinks are: what the host was told when the group gave it its partitions */
inline probe(h,a,b) {
   forget(h); mine[h]=GIVEN(h);
   if :: mine[h] & 1 -> frm[AT(h,0)]=a; to[AT(h,0)]=a :: else fi;
   if :: mine[h] & 2 -> frm[AT(h,1)]=b; to[AT(h,1)]=b :: else fi }

/* the fences of its partitions, in one call; behind: the state is older than a sink */
inline take(h) {
   behind=0;
   for (i : 0 .. P-1) {
      if
      :: mine[h] & BIT(i) ->
         if :: frm[AT(h,i)]>nxt[i] -> behind=1 :: else fi;
         ok[h]=ok[h]|BIT(i); ok[1-h]=ok[1-h] & (255-BIT(i))
      :: else
      fi };
   phase[h]=2 }

/* one record of partition p: the server's answer */
inline judge(h,p) {
   r=p*N+to[AT(h,p)]; latest=0; near=0;
   for (i : 0 .. R-1) {
      if :: has & BIT(i) ->
         latest=MAX(latest,1+TIME(i));
         if :: TIME(i)>=TIME(r) && !(ghost & BIT(i)) -> near=near|BIT(i) :: else fi
      :: else fi };
   rd[h]=rd[h]|BIT(r);
   if
#ifndef NOPLACE
   :: has & BIT(r) -> uniq[h]=uniq[h]|BIT(r)
   :: !(has & BIT(r)) && to[AT(h,p)]<nxt[p]
#else
   :: to[AT(h,p)]<nxt[p]
#endif
#ifndef NOPLACE
   :: !(has & BIT(r)) && to[AT(h,p)]>=nxt[p] && latest>=1+TIME(r) -> BLAME
#else
   :: to[AT(h,p)]>=nxt[p] && latest>=1+TIME(r) -> BLAME
#endif
   :: else -> has=has|BIT(r); uniq[h]=uniq[h]|BIT(r)
   fi;
   to[AT(h,p)]++ }

inline read_one(h,p) {
   if
   :: (lost & BIT(p*N+to[AT(h,p)])) -> to[AT(h,p)]++
   :: else -> judge(h,p)
   fi }

#define COVERS(h,i) ((mine[h] & BIT((i)/N)) && (i)%N>=frm[AT(h,(i)/N)] && (i)%N<to[AT(h,(i)/N)])

/* a barrier's first step: positions move; a claim that they go over and that this epoch did not find unique is released */
inline advance(h) {
   for (i : 0 .. R-1) {
      if
      :: COVERS(h,i) && i%N>=nxt[i/N] && !(uniq[h] & BIT(i)) ->
         if :: !(rd[h] & BIT(i)) -> ghost=ghost|BIT(i) :: else fi;
#ifdef SEEGHOST
         if :: has & BIT(i) -> assert(0) :: else fi;
#endif
#ifndef NORELEASE
         has=has & (255-BIT(i))
#endif
      :: COVERS(h,i) && i%N<nxt[i/N] && !(rd[h] & BIT(i)) -> late=late|BIT(i)
      :: else
      fi };
   for (i : 0 .. P-1) { if :: mine[h] & BIT(i) -> nxt[i]=MAX(nxt[i],to[AT(h,i)]) :: else fi };
#ifdef EARLYBAR
   if
   :: (mine[h] & 1) && to[AT(h,0)]<N && !(lost & BIT(to[AT(h,0)])) ->
      nxt[0]=MAX(nxt[0],to[AT(h,0)]+1); judge(h,0)
   :: else
   fi;
#endif
#ifdef NEXTFIRST
   dnxt[0]=nxt[0]; dnxt[1]=nxt[1];
#endif
   phase[h]=3 }

inline sync() { dhas=has; for (i : 0 .. P-1) { dnxt[i]=nxt[i]; dflr[i]=flr[i] } }

/* the second: durable, and passed on */
inline pass(h) {
#ifndef NEXTFIRST
#ifndef NOWAIT
   sync();
#endif
#endif
   same=!(uniq[h] & vd) && !(rd[h] & (255-uniq[h]) & vu);
   assert(same);
   vu=vu|uniq[h]; vd=vd|(rd[h] & (255-uniq[h]));
   for (i : 0 .. P-1) {
      if :: mine[h] & BIT(i) -> pas[i]=MAX(pas[i],to[AT(h,i)]); frm[AT(h,i)]=to[AT(h,i)] :: else fi };
   rd[h]=0; uniq[h]=0; phase[h]=2 }

/* a place of time 0, where all that is still to be judged has time 1 */
inline drop(h,q) {
   low=1;
   for (i : 0 .. P-1) {
#ifdef OWNTIME
      if :: (mine[h] & BIT(i)) && pos[i]<turn[i] -> low=0 :: else fi
#else
      if :: pos[i]<turn[i] -> low=0 :: else fi
#endif
   };
   if
   :: low && (ok[h] & BIT(q/N)) && (has & BIT(q)) && q%N<pos[q/N] && TIME(q)==0 ->
      has=has & (255-BIT(q)); flr[q/N]=MAX(flr[q/N],q%N+1)
   :: else
   fi }

#define OPEN(h) (to[AT(h,0)]>frm[AT(h,0)] || to[AT(h,1)]>frm[AT(h,1)])
#define WANTS(h,p) (phase[h]==2 && (mine[h] & BIT(p)) && to[AT(h,p)]<N)
#define CLEAN i=0; r=0; latest=0; near=0; low=0; same=0

proctype Host(byte h) {
   byte from0, from1;
again:
   atomic {
#ifdef DROP
      from0=pos[0]; from1=pos[1];
#else
      select(from0 : 0 .. pas[0]); select(from1 : 0 .. pas[1]);
#endif
      skip;
      d_step { probe(h,from0,from1); take(h); from0=0; from1=0; CLEAN } };
   assert(!behind);
   do
   :: ENDED -> break
   :: !ENDED && (phase[h]==0 || mine[h]!=GIVEN(h)) -> goto again
   :: !ENDED && crashes<C -> crashes++; goto again
   :: d_step { WANTS(h,0) && CLAIMS(h,0) -> read_one(h,0); CLEAN }
   :: d_step { WANTS(h,1) && CLAIMS(h,1) -> read_one(h,1); CLEAN }
   :: WANTS(h,0) && !CLAIMS(h,0) -> goto again
   :: WANTS(h,1) && !CLAIMS(h,1) -> goto again
   :: d_step { phase[h]==2 && OPEN(h) && PASSES(h) -> advance(h); CLEAN }
   :: phase[h]==2 && OPEN(h) && !PASSES(h) -> goto again
   :: d_step { phase[h]==3 -> pass(h); CLEAN }
#ifdef DROP
   :: d_step { phase[h]==2 -> drop(h,0); CLEAN }
   :: d_step { phase[h]==2 -> drop(h,N); CLEAN }
#endif
   od
}

/* the sinks, the group, the server, the log */
proctype World() {
   byte q;
   do
   :: ENDED -> break
#ifdef DROP
   :: d_step { pos[0]<pas[0] && !ENDED -> pos[0]++ }
   :: d_step { pos[1]<pas[1] && !ENDED -> pos[1]++ }
#endif
   :: d_step { moves<M && !ENDED -> moves++; own[0]=1-own[0] }
   :: d_step { moves<M && !ENDED -> moves++; own[1]=1-own[1] }
   :: d_step { restarts<S && !ENDED ->
         restarts++; has=dhas; nxt[0]=dnxt[0]; nxt[1]=dnxt[1]; flr[0]=dflr[0]; flr[1]=dflr[1];
#ifndef RECONNECT
         ok[0]=0; ok[1]=0; phase[0]=0; phase[1]=0
#endif
      }
#ifdef GAP
   :: !lost && !ENDED -> select(q : 0 .. R-1); lost=BIT(q); q=0
#endif
#ifdef EXPIRE
   :: !expired && !ENDED && has -> select(q : 0 .. R-1); expired=1; has=has & (255-BIT(q)); q=0
#endif
   od
}

init {
   byte t;
   select(t : 0 .. N); turn[0]=t;
   select(t : 0 .. N); turn[1]=t;
   own[1]=1;
   atomic { run Host(0); run Host(1); run World() };
   ENDED;
#ifdef SEEEND
   assert(0);
#endif
   d_step {
      for (r : 0 .. R-1) {
         witness=!(vd & BIT(r)) || (blame[r] & (ghost|late)); lone=1;
         for (i : 0 .. R-1) {
            if :: (vu & BIT(i)) && TIME(i)>=TIME(r) -> witness=1 :: else fi;
            if :: i!=r && (vu & BIT(i)) && (vu & BIT(r)) && TIME(i)==TIME(r) -> lone=0 :: else fi };
         assert(witness);
         assert(lone) } }
}
