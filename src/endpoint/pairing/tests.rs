use super::*;
use std::collections::BTreeSet;
use Side::{Request, Response};

const A: &str = "127.0.0.1";
const B: &str = "127.0.0.2";
const C: &str = "::1";

/// Connections that come and go, with a clock of their own.
struct Floor {
    pairing: Pairing,
    next: u64,
    now: Instant,
}

impl Floor {
    fn new() -> Floor {
        let now = Instant::now();
        Floor {
            pairing: Pairing::default(),
            next: 0,
            now,
        }
    }

    fn named(&mut self, side: Side, peer: &str, session: Option<u8>) -> Vec<Step> {
        self.next += 1;
        let arrival = Arrival {
            id: self.next,
            side,
            peer: peer.parse().unwrap(),
            session: session.map(|byte| SessionId([byte; 16])),
        };
        self.pairing.arrive(arrival, self.now)
    }

    /// A legacy connection comes.
    fn arrive(&mut self, side: Side, peer: &str) -> Vec<Step> {
        self.named(side, peer, None)
    }

    fn leave(&mut self, id: u64) -> Vec<Step> {
        self.pairing.leave(id, self.now)
    }

    /// Lets `ms` pass, with a server that looks in time. Returns the steps, and when they came, in
    /// ms from now.
    fn pass(&mut self, ms: u64) -> Vec<(u64, Vec<Step>)> {
        let (from, until) = (self.now, self.now + Duration::from_millis(ms));
        let mut done = Vec::new();
        while let Some(at) = self.pairing.next_due().filter(|at| *at <= until) {
            let steps = self.pairing.settle(at);
            assert!(self.pairing.next_due() != Some(at), "nothing was done");
            if !steps.is_empty() {
                done.push(((at - from).as_millis() as u64, steps));
            }
        }
        self.now = until;
        done
    }

    /// Both connections of a client, one right after the other.
    fn client(&mut self, peer: &str) -> (u64, u64) {
        self.pass(20);
        assert_eq!(self.arrive(Response, peer), []);
        let steps = self.arrive(Request, peer);
        let (request, response) = (self.next, self.next - 1);
        assert_eq!(steps, [join(request, response)]);
        (request, response)
    }

    /// A client whose connections come from two addresses.
    fn guessed(&mut self, request: &str, response: &str) -> (u64, u64) {
        assert_eq!(self.arrive(Response, response), []);
        assert_eq!(self.arrive(Request, request), []);
        let (to, from) = (self.next - 1, self.next);
        let told = guess(request, response, false);
        assert_eq!(self.pass(500), [(500, vec![join(from, to), told])]);
        (from, to)
    }

    fn waiting(&self) -> Vec<u64> {
        self.pairing.waiting.iter().map(|(_, id)| *id).collect()
    }
}

fn join(request: u64, response: u64) -> Step {
    Step::Join(Pair { request, response })
}

fn ambiguous(peer: &str) -> Step {
    Step::Tell(Note::Ambiguous(peer.parse().unwrap()))
}

fn guess(request: &str, response: &str, others: bool) -> Step {
    Step::Tell(Note::Guess {
        request: request.parse().unwrap(),
        response: response.parse().unwrap(),
        others,
    })
}

fn wrong_guess(kept: &str, closed: &str) -> Step {
    Step::Tell(Note::WrongGuess {
        kept: kept.parse().unwrap(),
        closed: closed.parse().unwrap(),
    })
}

#[test]
fn sessions_pair_exactly_and_at_once() {
    let mut floor = Floor::new();
    assert_eq!(floor.named(Request, A, Some(1)), []);
    assert_eq!(floor.named(Response, A, Some(2)), []);
    assert_eq!(floor.arrive(Response, A), []);
    floor.pass(10_000);
    assert_eq!(floor.named(Response, B, Some(1)), [join(1, 4)]);
    assert_eq!(floor.named(Request, A, Some(2)), [join(5, 2)]);
    // One goes: the other one too.
    assert_eq!(floor.leave(4), [Step::Close(1)]);
    assert_eq!(floor.leave(1), []);
    assert_eq!(floor.leave(5), [Step::Close(2)]);
    assert_eq!(floor.named(Request, A, Some(1)), []);
    assert_eq!(floor.waiting(), [3, 6]);
    assert_eq!(floor.pass(10_000), []);
}

#[test]
fn a_session_that_comes_again_has_given_up_the_old_ones() {
    let mut floor = Floor::new();
    floor.named(Request, A, Some(1));
    floor.named(Response, A, Some(1));
    let given_up = Step::Tell(Note::GivenUp(A.parse().unwrap()));
    let steps = floor.named(Response, A, Some(1));
    assert_eq!(steps, [Step::Close(2), Step::Close(1), given_up]);
    assert_eq!(floor.named(Request, A, Some(1)), [join(4, 3)]);
    // Also one that was alone. The ends of the old ones change nothing.
    assert_eq!(floor.leave(1), []);
    assert_eq!(floor.leave(2), []);
    floor.named(Request, B, Some(2));
    let given_up = Step::Tell(Note::GivenUp(B.parse().unwrap()));
    let steps = floor.named(Request, B, Some(2));
    assert_eq!(steps, [Step::Close(5), given_up]);
    assert_eq!(floor.named(Response, B, Some(2)), [join(6, 7)]);
}

#[test]
fn legacy_clients_pair_by_address() {
    let mut floor = Floor::new();
    assert_eq!(floor.arrive(Response, A), []);
    assert_eq!(floor.arrive(Request, B), []);
    assert_eq!(floor.arrive(Request, A), [join(3, 1)]);
    assert_eq!(floor.arrive(Response, B), [join(2, 4)]);
    assert!(floor.waiting().is_empty());
    assert_eq!(floor.pass(60_000), []);
}

#[test]
fn connections_apart_in_time_wait_for_as_long_again() {
    for (apart, at) in [
        (5, 0),
        (6, 6),
        (200, 200),
        (500, 500),
        (501, 500),
        (60_000, 500),
    ] {
        for side in [Request, Response] {
            let mut floor = Floor::new();
            floor.arrive(side, A);
            floor.pass(apart);
            let steps = floor.arrive(side.other(), A);
            let pair = if side == Request {
                join(1, 2)
            } else {
                join(2, 1)
            };
            if at == 0 {
                assert_eq!(steps, [pair]);
            } else {
                assert_eq!(steps, [], "{apart} ms apart");
                assert_eq!(floor.pass(1000), [(at, vec![pair])], "{apart} ms apart");
            }
        }
    }
}

#[test]
fn a_parked_connection_does_not_win_against_two_that_come_together() {
    for parked in [Request, Response] {
        for first in [Request, Response] {
            let mut floor = Floor::new();
            floor.arrive(parked, A);
            floor.pass(3000);
            // Whichever of a client's two comes first, and although it takes a while.
            assert_eq!(floor.arrive(first, A), []);
            assert_eq!(floor.pass(5), []);
            let steps = floor.arrive(first.other(), A);
            let pair = if first == Request {
                join(2, 3)
            } else {
                join(3, 2)
            };
            assert_eq!(steps, [pair, ambiguous(A)]);
            assert_eq!(floor.pass(60_000), []);
            assert_eq!(floor.waiting(), [1]);
        }
    }
}

#[test]
fn the_nearest_in_time_belong_together() {
    // Two clients, of which the first is slow: its connections come before and after the other's.
    let mut floor = Floor::new();
    floor.arrive(Response, A);
    floor.pass(30);
    assert_eq!(floor.arrive(Request, A), []);
    floor.pass(5);
    assert_eq!(floor.arrive(Request, A), []);
    floor.pass(2);
    assert_eq!(floor.arrive(Response, A), [join(3, 4), ambiguous(A)]);
    assert_eq!(floor.pass(1000), [(23, vec![join(2, 1)])]);

    // One that is left over looks for another.
    let mut floor = Floor::new();
    floor.arrive(Request, A);
    floor.pass(100);
    floor.arrive(Response, A);
    floor.pass(60);
    floor.arrive(Request, A);
    floor.pass(20);
    // 2 is nearer to 3 than to 1, but 4 is nearer to 3.
    floor.arrive(Response, A);
    let pairs = floor.pass(1000);
    assert_eq!(pairs[0], (20, vec![join(3, 4), ambiguous(A)]));
    assert_eq!(pairs[1], (40, vec![join(1, 2)]));
    assert_eq!(pairs.len(), 2);
}

#[test]
fn of_two_candidates_the_nearer_one_is_taken_and_the_earlier_if_they_are_as_near() {
    // A request connection comes 30 ms after a response connection has lost its partner, and
    // another response connection after that.
    for (later, takes_first) in [(29, false), (30, true), (31, true)] {
        let mut floor = Floor::new();
        let (request, response) = floor.client(A);
        floor.leave(request);
        floor.pass(30);
        floor.arrive(Request, A);
        floor.pass(later);
        floor.arrive(Response, A);
        let pairs = floor.pass(1000);
        let pair = if takes_first {
            join(3, response)
        } else {
            join(3, 4)
        };
        assert_eq!(pairs[0].1, [pair, ambiguous(A)], "{later} ms later");
    }
    // Both may be taken now.
    let mut floor = Floor::new();
    floor.arrive(Response, A);
    floor.pass(60);
    floor.arrive(Request, A);
    floor.now += Duration::from_millis(60);
    floor.arrive(Response, A);
    assert_eq!(floor.pass(0), [(0, vec![join(2, 1), ambiguous(A)])]);
}

#[test]
fn two_that_are_as_near_are_told() {
    let mut floor = Floor::new();
    floor.arrive(Request, A);
    floor.arrive(Request, A);
    assert_eq!(floor.arrive(Response, A), [join(2, 3), ambiguous(A)]);
    // What is left are the connections that the first pair was confused with.
    assert_eq!(floor.arrive(Response, A), [join(1, 4), ambiguous(A)]);
    // Two clients that come at the same time may have come in this order, or in another.
    floor.pass(20);
    floor.arrive(Request, A);
    assert_eq!(floor.arrive(Response, A), [join(5, 6)]);
    floor.pass(4);
    floor.arrive(Request, A);
    assert_eq!(floor.arrive(Response, A), [join(7, 8), ambiguous(A)]);
    // No note if the one before has gone, or came at another time or address.
    floor.leave(7);
    floor.leave(8);
    floor.arrive(Request, A);
    assert_eq!(floor.arrive(Response, A), [join(9, 10)]);
    floor.pass(5);
    floor.arrive(Request, A);
    assert_eq!(floor.arrive(Response, A), [join(11, 12)]);
    floor.arrive(Request, B);
    assert_eq!(floor.arrive(Response, B), [join(13, 14)]);
}

#[test]
fn one_that_comes_again_finds_its_partner() {
    for gone in [Request, Response] {
        for (later, at) in [(0, 50), (49, 50), (173, 173), (4000, 500)] {
            let mut floor = Floor::new();
            let (request, response) = floor.client(A);
            floor.pass(10_000);
            let (left, parted) = match gone {
                Request => (request, vec![]),
                Response => (response, vec![Step::Part(request)]),
            };
            assert_eq!(floor.leave(left), parted);
            assert_eq!(floor.pass(later), []);
            assert_eq!(floor.arrive(gone, A), []);
            let pair = match gone {
                Request => join(3, response),
                Response => join(request, 3),
            };
            assert_eq!(floor.pass(1000), [(at, vec![pair])], "{later} ms later");
        }
    }
}

#[test]
fn one_that_was_there_before_its_predecessor_went_is_found() {
    let mut floor = Floor::new();
    let (request, response) = floor.client(A);
    floor.pass(1000);
    assert_eq!(floor.arrive(Response, A), []);
    floor.pass(3000);
    assert_eq!(floor.leave(response), [Step::Part(request)]);
    assert_eq!(floor.pass(1000), [(500, vec![join(request, 3)])]);
}

#[test]
fn a_new_client_does_not_take_the_place_of_one_that_comes_again() {
    let mut floor = Floor::new();
    let (old, gone) = floor.client(A);
    floor.pass(1000);
    floor.leave(gone);
    floor.pass(20);
    assert_eq!(floor.arrive(Response, A), []);
    floor.pass(4);
    assert_eq!(floor.arrive(Request, A), [join(4, 3), ambiguous(A)]);
    floor.pass(150);
    assert_eq!(floor.arrive(Response, A), []);
    assert_eq!(floor.pass(1000), [(174, vec![join(old, 5)])]);
}

#[test]
fn a_pair_across_addresses_waits_for_something_better() {
    for (request, response) in [(A, B), (B, A), (A, C)] {
        let mut floor = Floor::new();
        floor.arrive(Request, request);
        floor.pass(300);
        floor.arrive(Response, response);
        let steps = vec![join(1, 2), guess(request, response, false)];
        assert_eq!(floor.pass(499), []);
        assert_eq!(floor.pass(1), [(1, steps)]);
        assert!(floor.waiting().is_empty());
        assert_eq!(floor.pass(10_000), []);
    }
    // Also if another connection has to be looked at meanwhile.
    let mut floor = Floor::new();
    let (request, response) = floor.client(C);
    floor.leave(response);
    floor.arrive(Response, C);
    floor.arrive(Request, A);
    floor.arrive(Response, B);
    let pairs = floor.pass(1000);
    assert_eq!(pairs[0], (50, vec![join(request, 3)]));
    assert_eq!(pairs[1], (500, vec![join(4, 5), guess(A, B, false)]));
    // Something better comes.
    let mut floor = Floor::new();
    floor.arrive(Request, A);
    floor.arrive(Response, B);
    floor.pass(499);
    floor.arrive(Response, A);
    assert_eq!(floor.pass(498), []);
    assert_eq!(floor.pass(1), [(1, vec![join(1, 3)])]);
    assert_eq!(floor.pass(60_000), []);
}

#[test]
fn more_than_two_alone_are_nobodys_pair() {
    let mut floor = Floor::new();
    floor.arrive(Request, A);
    floor.arrive(Request, B);
    floor.arrive(Response, C);
    assert_eq!(floor.pass(60_000), []);
    // One goes: those that are left have waited already.
    floor.leave(1);
    let steps = vec![join(2, 3), guess(B, C, false)];
    assert_eq!(floor.pass(0), [(0, steps)]);
    // The same with one that finds its partner.
    floor.arrive(Response, "127.0.0.5");
    floor.arrive(Response, "127.0.0.6");
    floor.arrive(Request, "127.0.0.7");
    assert_eq!(floor.pass(600), []);
    floor.arrive(Request, "127.0.0.6");
    let steps = floor.pass(0);
    assert_eq!(
        steps,
        [(0, vec![join(6, 4), guess("127.0.0.7", "127.0.0.5", true)])]
    );
}

#[test]
fn row_29_halves_that_had_partners_are_never_paired_with_strangers() {
    // Two clients lose one each, and do not get it back.
    let mut floor = Floor::new();
    let (one, lost) = floor.client(A);
    let (lost_too, other) = floor.client(B);
    assert_eq!(floor.leave(lost), [Step::Part(one)]);
    assert_eq!(floor.leave(lost_too), []);
    assert_eq!(floor.pass(60_000), []);
    // Nor with one of which nothing is known.
    floor.arrive(Request, C);
    floor.arrive(Response, "127.0.0.9");
    let steps = vec![join(5, 6), guess(C, "127.0.0.9", true)];
    assert_eq!(floor.pass(60_000), [(500, steps)]);
    assert_eq!(floor.waiting(), [one, other]);
    // They come back.
    floor.arrive(Response, A);
    floor.arrive(Request, B);
    let pairs = vec![(500, vec![join(one, 7)]), (500, vec![join(8, other)])];
    let found: Vec<_> = floor.pass(1000).into_iter().collect();
    let found: Vec<_> = found
        .into_iter()
        .flat_map(|(at, steps)| steps.into_iter().map(move |step| (at, vec![step])))
        .collect();
    assert_eq!(found, pairs);
}

#[test]
fn row_29_one_with_another_half_at_its_address_is_no_strangers() {
    // Another connection of the address is there, in a pair.
    let mut floor = Floor::new();
    floor.client(A);
    floor.arrive(Request, A);
    floor.arrive(Response, B);
    assert_eq!(floor.pass(60_000), []);
    // Another was there a while ago: both connections were lost, and one has come back.
    for (absent, guessed) in [(9_999, false), (10_000, true)] {
        for left in [Request, Response] {
            let mut floor = Floor::new();
            let (request, response) = floor.client(A);
            floor.leave(request);
            floor.leave(response);
            floor.pass(absent);
            floor.arrive(left, A);
            floor.arrive(left.other(), B);
            assert_eq!(
                floor.pass(60_000).len(),
                usize::from(guessed),
                "{absent} {left:?}"
            );
        }
    }
    // Another connection of its side is there all the time: the address is known, and the time
    // counts.
    for (absent, guessed) in [(9_999, false), (10_000, true)] {
        let mut floor = Floor::new();
        let (request, response) = floor.client(A);
        floor.leave(response);
        floor.leave(request);
        floor.arrive(Request, A);
        floor.pass(absent);
        floor.arrive(Request, A);
        floor.arrive(Response, B);
        let steps = vec![join(4, 5), guess(A, B, true)];
        let due = if guessed { vec![(500, steps)] } else { vec![] };
        assert_eq!(floor.pass(60_000), due, "{absent} ms later");
    }
}

#[test]
fn an_exact_match_takes_a_guess_apart() {
    // The client's response connection: the guess was for its requests.
    let mut floor = Floor::new();
    let (request, stranger) = floor.guessed(A, B);
    floor.pass(1000);
    let steps = floor.arrive(Response, A);
    let told = wrong_guess(A, B);
    assert_eq!(steps, [Step::Close(stranger), Step::Part(request), told]);
    assert_eq!(floor.pass(1000), [(50, vec![join(request, 3)])]);
    assert_eq!(floor.leave(stranger), []);
    // It comes anew.
    floor.arrive(Response, B);
    floor.arrive(Request, B);
    assert!(floor.waiting().is_empty());

    // Its request connection: its response connection has carried the other's responses.
    let mut floor = Floor::new();
    let (stranger, response) = floor.guessed(A, B);
    let steps = [
        Step::Part(stranger),
        Step::CloseUnlessEmpty(response),
        Step::Close(stranger),
        wrong_guess(B, A),
    ];
    assert_eq!(floor.arrive(Request, B), steps);
    assert_eq!(floor.pass(1000), [(50, vec![join(3, response)])]);
}

#[test]
fn a_new_client_beside_a_guess_is_a_pair_of_its_own() {
    let mut floor = Floor::new();
    let (request, response) = floor.guessed(A, B);
    assert_eq!(
        floor.arrive(Response, A),
        [
            Step::Close(response),
            Step::Part(request),
            wrong_guess(A, B)
        ]
    );
    assert_eq!(floor.arrive(Request, A), [join(4, 3), ambiguous(A)]);
    assert_eq!(floor.pass(60_000), []);
    assert_eq!(floor.waiting(), [request]);
}

#[test]
fn both_connections_behind_tunnels_come_anew_when_one_goes() {
    for gone in [Request, Response] {
        let mut floor = Floor::new();
        let (request, response) = floor.guessed(A, B);
        let (gone, rest) = match gone {
            Request => (request, response),
            Response => (response, request),
        };
        assert_eq!(floor.leave(gone), [Step::Close(rest)]);
        assert_eq!(floor.leave(rest), []);
        // Several behind the same two, one after the other.
        floor.guessed(A, B);
        floor.guessed(A, B);
        assert!(floor.waiting().is_empty());
    }
}

#[test]
fn a_server_that_looks_late_waits_for_what_may_be_there() {
    // The slave has held the server up; the connection that fits has not been read yet.
    let mut floor = Floor::new();
    floor.arrive(Request, A);
    floor.arrive(Response, B);
    floor.now += SETTLE + LATE + Duration::from_millis(1);
    assert_eq!(floor.pairing.settle(floor.now), []);
    assert_eq!(floor.arrive(Response, A), []);
    floor.pass(49);
    assert_eq!(floor.arrive(Request, B), []);
    let pairs = floor.pass(1000);
    let steps: Vec<_> = pairs.into_iter().flat_map(|(_, steps)| steps).collect();
    assert_eq!(steps, [join(1, 3), join(4, 2)]);

    // Just in time.
    let mut floor = Floor::new();
    floor.arrive(Request, A);
    floor.arrive(Response, B);
    assert_eq!(floor.pairing.settle(floor.now + SETTLE + LATE).len(), 2);

    // Held up all the time: it does not wait for ever.
    let mut floor = Floor::new();
    floor.arrive(Request, A);
    floor.arrive(Response, B);
    for _ in 0..10 {
        floor.now += Duration::from_secs(1);
        assert_eq!(floor.pairing.settle(floor.now), []);
    }
    floor.now += Duration::from_secs(1);
    assert_eq!(floor.pairing.settle(floor.now).len(), 2);
}

#[test]
fn addresses_are_remembered_for_a_while_and_not_without_bound() {
    let mut floor = Floor::new();
    for n in 0..10_000u32 {
        let peer = std::net::Ipv4Addr::from(0x0A00_0000 + n).to_string();
        floor.arrive(Request, &peer);
        floor.leave(floor.next);
    }
    assert_eq!(floor.pairing.origins.len(), 4096);
    // The last ones.
    floor.arrive(Response, "10.0.39.15");
    floor.arrive(Request, A);
    assert_eq!(floor.pass(1000), []);
    floor.pass(8_999);
    floor.arrive(Request, B);
    assert_eq!(floor.pairing.origins.len(), 4096 + 2);
    floor.pass(1);
    floor.arrive(Request, B);
    assert_eq!(floor.pairing.origins.len(), 3);
}

/// Whatever comes and goes: each has one partner at most, which fits, and nothing stays.
#[test]
fn tables_agree_whatever_comes_and_goes() {
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let mut random = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    for _ in 0..10 {
        let mut floor = Floor::new();
        let mut there: HashMap<u64, (Side, String, Option<u8>)> = HashMap::new();
        let mut partners: HashMap<u64, u64> = HashMap::new();
        let mut had: BTreeSet<u64> = BTreeSet::new();
        for _ in 0..300 {
            let steps = match random(8) {
                0..4 => {
                    let side = [Request, Response][random(2) as usize];
                    let peer = format!("127.0.0.{}", random(4));
                    let session = (random(4) == 0).then(|| random(3) as u8);
                    let steps = floor.named(side, &peer, session);
                    there.insert(floor.next, (side, peer, session));
                    steps
                }
                4..6 => {
                    let ids: BTreeSet<u64> = there.keys().copied().collect();
                    let Some(&id) = ids.iter().nth(random(1 + ids.len() as u64) as usize) else {
                        continue;
                    };
                    there.remove(&id);
                    if let Some(partner) = partners.remove(&id) {
                        partners.remove(&partner);
                    }
                    floor.leave(id)
                }
                _ => {
                    let ms = [1, 5, 60, 700, 20_000][random(5) as usize];
                    floor.pass(ms).into_iter().flat_map(|done| done.1).collect()
                }
            };
            let mut steps = std::collections::VecDeque::from(steps);
            while let Some(step) = steps.pop_front() {
                match step {
                    Step::CloseUnlessEmpty(id) => {
                        assert_eq!(partners.get(&id), None);
                        if random(2) == 0 {
                            there.remove(&id).expect("it is there");
                            steps.extend(floor.leave(id));
                        }
                    }
                    Step::Part(id) => {
                        if let Some(partner) = partners.remove(&id) {
                            partners.remove(&partner);
                        }
                    }
                    Step::Close(id) => {
                        there.remove(&id).expect("it is there");
                        if let Some(partner) = partners.remove(&id) {
                            partners.remove(&partner);
                        }
                    }
                    Step::Join(pair) => {
                        let (request, response) = (&there[&pair.request], &there[&pair.response]);
                        assert_eq!((request.0, response.0), (Request, Response));
                        assert_eq!(request.2, response.2, "sessions");
                        let both = [pair.request, pair.response];
                        if request.1 != response.1 && request.2.is_none() {
                            assert!(!both.iter().any(|id| had.contains(id)), "{pair:?}");
                        }
                        had.extend(both);
                        assert_eq!(partners.insert(both[0], both[1]), None);
                        assert_eq!(partners.insert(both[1], both[0]), None);
                    }
                    Step::Tell(_) => {}
                }
            }
            let pairing = &floor.pairing;
            assert_eq!(pairing.halves.len(), there.len());
            for (id, half) in &pairing.halves {
                assert_eq!(half.partner, partners.get(id).copied());
                let waits = pairing.waiting.contains(&(half.since, *id));
                assert_eq!(waits, half.partner.is_none());
            }
            assert_eq!(pairing.waiting.len() + partners.len(), there.len());
            for (_, id) in pairing.lone.iter().flatten() {
                assert!(!had.contains(id) && there[id].2.is_none());
            }
        }
        for id in there.into_keys() {
            floor.leave(id);
        }
        floor.pass(1000);
        let pairing = &floor.pairing;
        assert!(pairing.halves.is_empty() && pairing.waiting.is_empty());
        assert!(pairing.sessions.is_empty() && pairing.due.is_empty());
        assert!(pairing.lone.iter().all(BTreeSet::is_empty));
        floor.pass(20_000);
        floor.arrive(Request, A);
        assert_eq!(floor.pairing.origins.len(), 1);
    }
}
