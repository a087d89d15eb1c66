/* The agreement of a group of three, after karyon/cooperation/agreement.py: every loss pattern, crash and rejoin.

   A round is one step: each member that is up says what it admits, or BASE after a missed message; any message can be
   lost on any link; then each decides. Checked in every reachable state:
   - whoever acts on a level that needs cooperation has been on another one than a member it counts on for at most
     one round (disagreed < 2)
   - when no message has been lost, nobody was down and all admit TOP for long enough, all act on TOP (calm) */

#define N 3
#define BASE 1
#define TOP 2
#define LEAVE 2   /* shorter than the real one, for fewer states; nothing else depends on it */
#define CALM 5    /* rounds: to forget who has gone, and three */

#define bit(i) (1 << (i))
#define ALL 7

bool up[N];
bool missed[N];
byte level[N];
byte known[N];        /* bits */
byte view[N];         /* what was sent in this round: bits, */
byte proposal[N];     /* and the level */
byte heard[N];        /* bits */
byte quiet[N * N];    /* rounds without a word, up to LEAVE */
byte disagreed;       /* rounds in a row */
byte calm;            /* rounds without loss, crash, or a lower level */

inline say(i) {
    view[i] = known[i];
    proposal[i] = BASE;
    if
    :: up[i] && !missed[i] -> if :: proposal[i] = TOP :: proposal[i] = BASE; troubled = true fi
    :: else -> skip
    fi
}

inline lose(i, j) {
    if
    :: up[i] && up[j] -> if :: heard[i] = heard[i] | bit(j) :: troubled = true fi
    :: else -> skip
    fi
}

inline misses(i, j) {
    if
    :: i != j && (known[i] & bit(j)) && (!(heard[i] & bit(j)) || view[j] != view[i]) -> missed[i] = true
    :: else -> skip
    fi
}

inline lowest(i, j) {
    if
    :: (known[i] & bit(j)) && proposal[j] < level[i] -> level[i] = proposal[j]
    :: else -> skip
    fi
}

inline decide(i) {
    missed[i] = (known[i] == bit(i)) || !up[i];
    misses(i, 0); misses(i, 1); misses(i, 2);
    level[i] = TOP;
    if
    :: missed[i] -> level[i] = BASE
    :: else -> lowest(i, 0); lowest(i, 1); lowest(i, 2)
    fi
}

inline count_on(i, j) {
    if
    :: up[i] && up[j] && (view[i] & bit(j)) && level[i] > BASE && level[i] != level[j] -> apart = true
    :: else -> skip
    fi
}

inline remember(i, j) {
    if
    :: i == j -> skip
    :: i != j && (heard[i] & bit(j)) -> known[i] = known[i] | bit(j); quiet[i * N + j] = 0
    :: else ->
        if :: quiet[i * N + j] < LEAVE -> quiet[i * N + j]++ :: else -> skip fi;
        if :: quiet[i * N + j] == LEAVE -> known[i] = known[i] & (ALL - bit(j)) :: else -> skip fi
    fi
}

inline restart(i) {
    if
    :: skip
    :: up[i] -> up[i] = false; troubled = true; forget(i)
    :: !up[i] -> up[i] = true; troubled = true
    fi
}

inline forget(i) {
    known[i] = bit(i); missed[i] = true; level[i] = BASE;
    quiet[i * N] = 0; quiet[i * N + 1] = 0; quiet[i * N + 2] = 0
}

active proctype rounds() {
    bool troubled, apart;
    up[0] = true; up[1] = true; up[2] = true;
    forget(0); forget(1); forget(2);
    do
    :: atomic {
        troubled = false; apart = false;
        heard[0] = 0; heard[1] = 0; heard[2] = 0;
        restart(0); restart(1); restart(2);
        say(0); say(1); say(2);
        lose(0, 1); lose(0, 2); lose(1, 0); lose(1, 2); lose(2, 0); lose(2, 1);
        decide(0); decide(1); decide(2);
        count_on(0, 1); count_on(0, 2); count_on(1, 0); count_on(1, 2); count_on(2, 0); count_on(2, 1);
        remember(0, 1); remember(0, 2); remember(1, 0); remember(1, 2); remember(2, 0); remember(2, 1);
        if :: apart -> disagreed++ :: else -> disagreed = 0 fi;
        assert(disagreed < 2);
        if
        :: troubled || !up[0] || !up[1] || !up[2] -> calm = 0
        :: calm < CALM && !(troubled || !up[0] || !up[1] || !up[2]) -> calm++
        :: else -> skip
        fi;
        assert(calm < CALM || (level[0] == TOP && level[1] == TOP && level[2] == TOP));
        troubled = false; apart = false;
        heard[0] = 0; heard[1] = 0; heard[2] = 0;
        view[0] = 0; view[1] = 0; view[2] = 0; proposal[0] = 0; proposal[1] = 0; proposal[2] = 0
       }
    od
}
