/* The lane change protocol of three cars, after karyon/cooperation/lane_change.py: every pattern of lost and late words.

   Cars 0 and 1 wish for one gap and ask each other and car 2, which is behind it. A step is a period of the
   radio: each may begin to ask or give up; on every link its words are lost, come, or come in place of the next ones;
   then all listen. A car whose radio fails for good is one that is not heard from then on. Times count down, so that
   states repeat. Checked in every reachable state:
   - who has a reservation has the grant of all whom it has asked: so never two, and a grant binds until it expires
   - nobody asks and is bound at once, so nobody waits for one who waits for it: no deadlock
   - car 0, which has waited longest, has its reservation within BOUND steps in which all words come in time */

#define N 3
#define NOBODY 3
#define NUMBERS 3    /* requests are told apart by their number modulo this: words are late by one step at most */
#define PATIENCE 2
#define HOLD 4
#define BOUND 10     /* HOLD for a grant that binds somebody to expire, and the two listen-and-answer rounds of a request */

#define bit(i) (1 << (i))
#define IDLE 0
#define ASKS 1
#define RESERVED 2

typedef Car {
    byte state;
    byte number;
    byte deadline;    /* steps left */
    byte until;
    byte got;         /* bits */
    byte bound;       /* to whom */
    byte bound_number;
    byte bound_until
};
typedef Words { byte number; bool asks; byte until; byte grants; byte granted };

Car car[N];
Words said[N];
Words before[N];      /* said one step ago */
byte heard[9];        /* of each link: 0 lost, 1 come, 2 those of the step before */
bool was_late[9];     /* the last words that have come are those said last or before: an older one is dropped */
byte calm;

#define asked(i) ((i == 0 -> 6 : 5))

inline wish(i) {
    if
    :: car[i].state == IDLE && car[i].bound == NOBODY ->
        if
        :: i == 0 || true -> car[i].number = (car[i].number + 1) % NUMBERS; car[i].deadline = PATIENCE;
           car[i].until = HOLD; car[i].got = 0; car[i].state = ASKS
        :: i == 1 -> skip
        fi
    :: car[i].state != IDLE -> if :: skip :: car[i].state = IDLE; done = done | bit(i) fi
    :: else -> skip
    fi
}

inline forget(words) {
    words.number = 0; words.asks = 0; words.until = 0; words.grants = 0; words.granted = 0
}

inline say(i) {
    before[i].number = said[i].number; before[i].asks = said[i].asks; before[i].until = said[i].until;
    before[i].grants = said[i].grants; before[i].granted = said[i].granted;
    said[i].number = car[i].number; said[i].asks = (car[i].state != IDLE); said[i].until = car[i].until;
    said[i].grants = car[i].bound; said[i].granted = car[i].bound_number
}

inline carry(i, j, can_be_late) {
    if
    :: heard[3 * i + j] = 1
    :: heard[3 * i + j] = 0; troubled = true
    :: can_be_late && !was_late[3 * i + j] -> heard[3 * i + j] = 2; troubled = true
    fi;
    was_late[3 * i + j] = (can_be_late && heard[3 * i + j] == 1)
}

inline take(i, j) {     /* what i hears of j in this step */
    number = (heard[3 * i + j] == 1 -> said[j].number : before[j].number);
    asks = (heard[3 * i + j] == 1 -> said[j].asks : before[j].asks);
    until = (heard[3 * i + j] == 1 -> said[j].until : (before[j].until > 0 -> before[j].until - 1 : 0));
    grants = (heard[3 * i + j] == 1 -> said[j].grants : before[j].grants);
    granted = (heard[3 * i + j] == 1 -> said[j].granted : before[j].granted)
}

inline expire(i) {
    if
    :: ((car[i].state == ASKS && car[i].deadline == 0) || (car[i].state != IDLE && car[i].until == 0)) ->
        car[i].state = IDLE
    :: else -> skip
    fi;
    if :: car[i].bound != NOBODY && car[i].bound_until == 0 -> car[i].bound = NOBODY :: else -> skip fi
}

inline hear_release(i, j) {
    if
    :: i != j && heard[3 * i + j] && car[i].bound == j ->
        take(i, j);
        if
        :: ((number != car[i].bound_number && number != (car[i].bound_number + NUMBERS - 1) % NUMBERS)
            || (number == car[i].bound_number && !asks)) -> car[i].bound = NOBODY
        :: else -> skip
        fi
    :: else -> skip
    fi
}

inline hear_grant(i, j) {
    if
    :: i != j && heard[3 * i + j] && car[i].state == ASKS ->
        take(i, j);
        if :: grants == i && granted == car[i].number -> car[i].got = car[i].got | bit(j) :: else -> skip fi;
        if :: (car[i].got & asked(i)) == asked(i) -> car[i].state = RESERVED; done = done | bit(i) :: else -> skip fi
    :: else -> skip
    fi
}

inline grant(i, j) {    /* in the order of who has waited longest: 0, then 1 */
    if
    :: i != j && heard[3 * i + j] && car[i].bound == NOBODY && car[i].state != RESERVED && (car[i].state == IDLE || j < i) ->
        take(i, j);
        if
        :: asks && (asked(j) & bit(i)) && until > 0 ->
           car[i].bound = j; car[i].bound_number = number; car[i].bound_until = until; car[i].state = IDLE
        :: else -> skip
        fi
    :: else -> skip
    fi
}

inline listen(i) {
    expire(i);
    hear_release(i, 0); hear_release(i, 1);
    hear_grant(i, 0); hear_grant(i, 1); hear_grant(i, 2);
    grant(i, 0); grant(i, 1)
}

inline holds(i) {
    assert(!(car[i].state != IDLE && car[i].bound != NOBODY));
    assert(car[i].state != RESERVED || !(asked(i) & bit(0)) || car[0].bound == i);
    assert(car[i].state != RESERVED || !(asked(i) & bit(1)) || car[1].bound == i);
    assert(car[i].state != RESERVED || !(asked(i) & bit(2)) || car[2].bound == i)
}

inline count_down(i) {
    if :: car[i].deadline > 0 -> car[i].deadline-- :: else -> skip fi;
    if :: car[i].until > 0 -> car[i].until-- :: else -> skip fi;
    if :: car[i].bound_until > 0 -> car[i].bound_until-- :: else -> skip fi;
    if :: car[i].state == IDLE -> car[i].deadline = 0; car[i].until = 0; car[i].got = 0 :: else -> skip fi;
    if :: car[i].bound == NOBODY -> car[i].bound_number = 0; car[i].bound_until = 0 :: else -> skip fi
}

active proctype steps() {
    bool troubled, asks;
    byte number, until, grants, granted, done;
    car[0].bound = NOBODY; car[1].bound = NOBODY; car[2].bound = NOBODY;
    said[0].grants = NOBODY; said[1].grants = NOBODY; said[2].grants = NOBODY;
    do
    :: atomic {
        troubled = false; done = 0;
        wish(0); wish(1);
        d_step { say(0); say(1); say(2) };
        carry(0, 1, 0); carry(0, 2, 1); carry(1, 0, 0); carry(1, 2, 0); carry(2, 0, 1); carry(2, 1, 0);
        d_step {
        listen(0); listen(1); listen(2);
        holds(0); holds(1); holds(2);
        count_down(0); count_down(1); count_down(2);
        if
        :: troubled || (done & bit(0)) -> calm = 0
        :: else -> calm++
        fi;
        assert(calm <= BOUND);
        forget(before[0]); forget(before[1]); forget(before[2]); forget(said[1]);   /* of car 1 no words are late */
        number = 0; asks = false; until = 0; grants = 0; granted = 0; done = 0; troubled = false;
        heard[1] = 0; heard[2] = 0; heard[3] = 0; heard[5] = 0; heard[6] = 0; heard[7] = 0
        }
       }
    od
}
