/* The agreement of three in file, after karyon/cooperation/agreement.py: every loss pattern, split, merger, crash and
   rejoin.

   A round is one step: each member that is up says whether its own rules admit TOP, else it heads a group; BASE after
   a missed message; any message can be lost on any link; then each decides. Checked in every reachable state:
   - whoever acts on a level that needs cooperation has been on another one than a member it counts on for at most
     one round (disagreed, per pair)
   - when no message has been lost, nobody was down and all admit TOP for long enough, all act on TOP (calm)
   At most one is down at a time: of two that are, the third has nobody to count on. */

#define N 3
#define BASE 1
#define TOP 2
#define ANY 3     /* what a head proposes: it has nothing against any level */
#define LEAVE 2   /* shorter than the real one, for fewer states; nothing else depends on it */
#define CALM 5    /* rounds: to forget who has gone, and three */

#define bit(i) (1 << (i))
#define ALL 7

bool up[N];
bool missed[N];
byte level[N];
byte known[N];        /* bits, */
byte heads[N];        /* as are those that it takes for heads */
byte view[N];         /* what was sent in this round: bits, */
byte proposal[N];     /* the level, */
bool head[N];         /* and whether it heads a group */
byte counted[N];      /* bits: its group in this round */
byte heard[N];        /* bits */
byte quiet[N * N];    /* rounds without a word, up to LEAVE */
byte disagreed;       /* bits: pairs that were apart in the round before */
byte apart;           /* and in this one */
byte calm;            /* rounds without loss, crash, or a lower level */

/* Members of i's group: from the head at or ahead of it, up to the next one behind. */
inline group(i, those, leaders) {
    k = i; those = bit(i);
    do
    :: k > 0 && !(leaders & known[i] & bit(k)) -> k--; those = those | (known[i] & bit(k))
    :: else -> break
    od;
    k = i + 1;
    do
    :: k < N && !(leaders & known[i] & bit(k)) -> those = those | (known[i] & bit(k)); k++
    :: else -> break
    od;
    k = 0
}

inline choose(i) {
    if
    :: up[i] -> if :: skip :: head[i] = true; troubled = true fi
    :: else -> skip
    fi
}

inline say(i) {
    group(i, view[i], heads[i]);
    proposal[i] = (up[i] && !missed[i] -> (head[i] -> ANY : TOP) : BASE)
}

inline lose(i, j) {
    if
    :: up[i] && up[j] -> if :: heard[i] = heard[i] | bit(j) :: troubled = true fi
    :: else -> skip
    fi
}

inline split(i, j) {
    if
    :: (heard[i] & bit(j)) && head[j] -> leaders = leaders | bit(j)
    :: else -> skip
    fi
}

inline misses(i, j) {
    if
    :: i != j && (counted[i] & bit(j)) && (!(heard[i] & bit(j)) || view[j] != view[i]) -> missed[i] = true
    :: else -> skip
    fi
}

inline lowest(i, j) {
    if
    :: (counted[i] & bit(j)) && proposal[j] < level[i] -> level[i] = proposal[j]
    :: else -> skip
    fi
}

inline decide(i) {
    leaders = heads[i] | (head[i] -> bit(i) : 0);
    split(i, 0); split(i, 1); split(i, 2);
    group(i, counted[i], leaders);
    leaders = 0;
    missed[i] = !up[i];
    misses(i, 0); misses(i, 1); misses(i, 2);
    level[i] = TOP;
    if
    :: missed[i] || counted[i] == bit(i) -> level[i] = BASE
    :: else -> lowest(i, 0); lowest(i, 1); lowest(i, 2)
    fi
}

inline count_on(i, j, pair) {
    if
    :: up[i] && up[j] && (counted[i] & bit(j)) && level[i] > BASE && level[i] != level[j] -> apart = apart | bit(pair)
    :: else -> skip
    fi
}

inline learn(i, j) {
    if
    :: (heard[i] & bit(j)) -> heads[i] = (heads[i] & (ALL - bit(j))) | (head[j] -> bit(j) : 0)
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
    :: up[0] && up[1] && up[2] -> up[i] = false; troubled = true; forget(i)
    :: !up[i] -> up[i] = true; troubled = true
    fi
}

inline forget(i) {
    known[i] = bit(i); heads[i] = 0; missed[i] = true;
    quiet[i * N] = LEAVE; quiet[i * N + 1] = LEAVE; quiet[i * N + 2] = LEAVE
}

active proctype rounds() {
    bool troubled;
    byte k, leaders;
    up[0] = true; up[1] = true; up[2] = true;
    forget(0); forget(1); forget(2);
    do
    :: atomic {
        troubled = false; apart = 0;
        heard[0] = 0; heard[1] = 0; heard[2] = 0;
        if :: restart(0) :: restart(1) :: restart(2) fi;
        choose(0); choose(1); choose(2);
        lose(0, 1); lose(0, 2); lose(1, 0); lose(1, 2); lose(2, 0); lose(2, 1);
        d_step {
        say(0); say(1); say(2);
        decide(0); decide(1); decide(2);
        count_on(0, 1, 0); count_on(0, 2, 1); count_on(1, 0, 2); count_on(1, 2, 3); count_on(2, 0, 4); count_on(2, 1, 5);
        assert((apart & disagreed) == 0);
        disagreed = apart;
        heard[0] = heard[0] | bit(0); heard[1] = heard[1] | bit(1); heard[2] = heard[2] | bit(2);
        learn(0, 0); learn(0, 1); learn(0, 2); learn(1, 0); learn(1, 1); learn(1, 2); learn(2, 0); learn(2, 1); learn(2, 2);
        remember(0, 1); remember(0, 2); remember(1, 0); remember(1, 2); remember(2, 0); remember(2, 1);
        if
        :: troubled || !up[0] || !up[1] || !up[2] -> calm = 0
        :: calm < CALM && !(troubled || !up[0] || !up[1] || !up[2]) -> calm++
        :: else -> skip
        fi;
        assert(calm < CALM || (level[0] == TOP && level[1] == TOP && level[2] == TOP));
        troubled = false; apart = 0; head[0] = false; head[1] = false; head[2] = false;
        heard[0] = 0; heard[1] = 0; heard[2] = 0; counted[0] = 0; counted[1] = 0; counted[2] = 0;
        view[0] = 0; view[1] = 0; view[2] = 0; proposal[0] = 0; proposal[1] = 0; proposal[2] = 0;
        level[0] = 0; level[1] = 0; level[2] = 0;   /* decided anew in each round */
        heads[0] = heads[0] & known[0]; heads[1] = heads[1] & known[1]; heads[2] = heads[2] & known[2]
        }
       }
    od
}
