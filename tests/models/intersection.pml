/* Reservation of one zone by three cars, after karyon/cooperation/intersection.py: every pattern of lost words.

   There are two slots; two cars with the same one would meet. A step is a period of the radio: on every link the words of
   the step before come, or none; then each car gives up, chooses, grants, binds itself. What is late counts as lost. A car whose radio fails for good is one that is never heard again. Who proposes slots does not matter here: the
   coordinator is as good as any choice, and so is a failed, a lying or a second one. Checked in every reachable state:
   - never two that are bound to one slot: a grant binds until its owner says something else, or its slot is over
   - car 0, which was there first, is bound within BOUND steps in which all words come: no deadlock, bounded wait */

#define N 3
#define BOUND 9

byte slot[N];
bool bound[N];
byte age[N];            /* steps since the slot was chosen, up to 2: older words are no grant of it */
byte grant[N * N];      /* [i * N + j]: the slot of j that i has granted */
byte heard[N * N];      /* the slot that j said, as i has heard it */
byte granted[N * N];    /* the slot of i that j said to have granted, as i has heard it */
byte said[N];           /* the words of the step before */
byte said_grant[N * N];
byte came;              /* bits: whom the car has heard in this step */
byte calm;
bool troubled;

#define bit(j) (1 << (j))

inline hear(i, j) {
    if
    :: came = came | bit(j);
       heard[i * N + j] = said[j];
       granted[i * N + j] = (age[i] >= 2 -> said_grant[j * N + i] : 0)
    :: troubled = true
    fi
}

inline release(i, j) {
    if
    :: grant[i * N + j] && (came & bit(j)) && heard[i * N + j] != grant[i * N + j] -> grant[i * N + j] = 0
    :: else -> skip
    fi
}

inline yield(i, j) {
    if
    :: j < i && slot[i] && !bound[i] && heard[i * N + j] == slot[i] && granted[i * N + j] != slot[i] -> slot[i] = 0
    :: else -> skip
    fi
}

inline give(i, j) {
    if
    :: (came & bit(j)) && heard[i * N + j] && !grant[i * N + j] && heard[i * N + j] != slot[i] ->
       grant[i * N + j] = heard[i * N + j]
    :: else -> skip
    fi
}

#define free(i, j, k, s) (heard[i * N + j] != s && heard[i * N + k] != s && grant[i * N + j] != s && grant[i * N + k] != s)

inline choose(i, j, k) {
    if
    :: !slot[i] && free(i, j, k, 1) -> slot[i] = 1; forget(i, j, k)
    :: !slot[i] && free(i, j, k, 2) -> slot[i] = 2; forget(i, j, k)
    :: else -> if :: age[i] < 2 -> age[i]++ :: else -> skip fi
    fi
}

inline forget(i, j, k) { age[i] = 0; granted[i * N + j] = 0; granted[i * N + k] = 0 }

inline bind(i, j, k) {
    if
    :: slot[i] && !bound[i] && granted[i * N + j] == slot[i] && granted[i * N + k] == slot[i] ->
       bound[i] = true;
       if :: i == 0 -> calm = 0 :: else -> skip fi
    :: else -> skip
    fi
}

inline finish(i, j, k) {      /* its slot is over, and binds nobody any more; the next car of its lane comes */
    if
    :: bound[i] -> bound[i] = false; slot[i] = 0; grant[j * N + i] = 0; grant[k * N + i] = 0; age[i] = 0;
       heard[j * N + i] = 0; heard[k * N + i] = 0; said[i] = 0
    :: bound[i] -> troubled = true
    :: else -> skip
    fi
}

inline decide(i, j, k) {
    release(i, j); release(i, k);
    yield(i, j); yield(i, k);
    choose(i, j, k);
    give(i, j); give(i, k);
    bind(i, j, k)
}

inline speak(i) {
    said[i] = slot[i];
    said_grant[i * N] = grant[i * N]; said_grant[i * N + 1] = grant[i * N + 1]; said_grant[i * N + 2] = grant[i * N + 2]
}

active proctype steps() {
    do
    :: atomic {
        troubled = false;
        finish(0, 1, 2); finish(1, 0, 2); finish(2, 0, 1);
        came = 0; hear(0, 1); hear(0, 2); decide(0, 1, 2);
        came = 0; hear(1, 0); hear(1, 2); decide(1, 0, 2);
        came = 0; hear(2, 0); hear(2, 1); decide(2, 0, 1);
        came = 0;
        speak(0); speak(1); speak(2);
        assert(!(bound[0] && bound[1] && slot[0] == slot[1]));
        assert(!(bound[0] && bound[2] && slot[0] == slot[2]));
        assert(!(bound[1] && bound[2] && slot[1] == slot[2]));
        if
        :: troubled || bound[0] -> calm = 0
        :: else -> if :: calm < BOUND -> calm++ :: else -> skip fi
        fi;
        assert(calm < BOUND);
        troubled = false
       }
    od
}
