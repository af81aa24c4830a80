/* bootstrap.pml: what the operator does. Part of init.pml.
 *
 * -DLATE: he bootstraps sink B, once, when A has a generation and B none.
 *
 * -DEMPTIED: both stores go empty, one after the other, under a group that has a commit. Every start answers 78
 * then; the survivor tells the operator and waits for him. He looks, and
 *   a sink has no generation                       `--bootstrap SINK=init` or `now`, on any such sink
 *   all have one and a start says 78 all the same  stops the pipelines, `--reset` of both sinks, then as above
 * One operator, one act at a time; other pipelines start, write and stop while he acts. A bootstrap's commit is
 * accepted by a group without members only: what had joined before is out of the group (era), ends at its next
 * probe, and what it had sent before may still arrive.
 *   =1  a bootstrap is never killed
 *   =2  one bootstrap may be killed between any two of its steps
 *   =3  ... and what it had sent to the store arrives there at any time later (courier) */
#ifdef LATE
/* the operator bootstraps B, once: reads A, then writes B if it has nothing yet */
proctype operator() { byte g,jj; byte si[P]; bool now;
end: (gen[A]!=0 && gen[B]==0);
   if :: now=0 :: now=1 fi;
   d_step { g=gen[A]; each(si[jj]=(now -> nxt[I(A,jj)] : ini[I(A,jj)])) };
   d_step { if
            :: g!=0 && gen[B]==0 -> gen[B]=g;
                 each(ini[I(B,jj)]=si[jj]; nxt[I(B,jj)]=si[jj]; by_now[I(B,jj)]=(now && si[jj]!=NONE))
            :: else
            fi;
            acted=1; dirty=1; g=0; now=0; each(si[jj]=0) } }
#endif

#ifdef EMPTIED
inline lose(s) { d_step {
   if :: gen[s]!=0 -> wiped=1 :: else fi;
   gen[s]=0; dirty=1; ini[s]=NONE; nxt[s]=NONE; app[s]=0; by_now[s]=0 } }

proctype emptier() { byte s;
   if :: s=A :: s=B fi;
   (commit!=0);
   lose(s); s=1-s; lose(s);
   atomic { emptied=1; s=0 } }

/* Generation and start in one insert, only if the store has none. anew: `init` where the other was by `now`: that is
 * the job's start from here on */
inline boot_line(s,g,start,now,anew) { d_step {
   if
   :: gen[s]==0 -> gen[s]=g; ini[s]=start; nxt[s]=start; app[s]=0; by_now[s]=now;
        if :: anew -> est[g]=NONE :: else fi
   :: else
   fi;
   dirty=1 } }

#if EMPTIED>2
chan flying = [1] of { byte,byte,byte,bool,bool };
proctype courier() { byte s,g,start; bool now,anew;
end:
   flying?s,g,start,now,anew;
   atomic { late=1; boot_line(s,g,start,now,anew); s=0; g=0; start=0; now=0; anew=0 } }
#endif

#if EMPTIED>1
#define KILLED !crashed -> crashed=1; goto killed
#else
#define KILLED 0
#endif

inline look_other() { d_step { g=gen[1-s]; start=(now -> nxt[1-s] : ini[1-s]); anew=(!now && by_now[1-s]) } }

proctype bootstrapper() { byte s,g,start; bool has,now,anew;
end:
   do
   :: atomic { told && emptied && gen[A]!=0 && gen[B]!=0 ->
        if
        :: gen[A]==gen[B] && gen[A]==commit -> told=0; goto end         /* mended meanwhile: start again */
        :: else ->
#ifndef ANYRESET
             assert(late);
#endif
#ifndef NOSTOP
             era++;
#endif
             skip
        fi };
#ifdef SEERESET
      assert(0);
#endif
      lose(A); lose(B);
      told=0
   :: atomic { told && emptied && (gen[A]==0 || gen[B]==0) ->
        if :: gen[A]==0 -> s=A :: gen[B]==0 -> s=B fi;
        if :: now=0 :: now=1 fi };
      /* the probe, in the order of the pipe */
      if
      :: s==A -> has=(gen[s]!=0); look_other()
      :: s==B -> look_other(); has=(gen[s]!=0)
      fi;
      if
      :: has -> goto killed
      :: !has && g==0 ->
           atomic {
#ifdef OLDGEN
              g=commit; est[g]=NONE;
#else
              gens++; g=gens; assert(gens<12);
#endif
              anew=0; bootgen=g;
              if :: start=0 :: start=1 :: now -> start=N fi };          /* --from, or the group's commits: any offset */
#ifdef WRITEFIRST
           boot_line(s,g,start,now,anew);
           if :: KILLED :: skip fi;
           atomic { commit=g; era++ };
           goto killed
#else
#ifdef KEEPCOM
           if :: commit==0 -> commit=g :: else fi
#else
           atomic { commit=g; era++ }
#endif
#endif
      :: !has && g!=0
      fi;
      if
      :: boot_line(s,g,start,now,anew)
      :: KILLED
#if EMPTIED>2
      :: atomic { !crashed -> crashed=1; flying!s,g,start,now,anew }
#endif
      fi;
killed:
      atomic { told=0; s=0; g=0; start=0; has=0; now=0; anew=0 }
   od }
#endif
