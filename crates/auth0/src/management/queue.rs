//! The queue of requests to the Management API: fair to callers, and bounded.
//!
//! Callers take turns (round robin), and each has one request in flight at a time. There are three
//! [lanes](Lane), so that strangers do not crowd out callers who hold a permission. It is pure: it
//! knows neither the time nor the rate limit.

use std::fmt;

/// The most requests that wait in one lane. The smallest tenant answers 30 within the timeout of a
/// request, and one with 16 requests a second answers 240.
pub(super) const MAX_WAITING: usize = 256;

/// How many permits the lanes share out before they begin again.
const CYCLE: u64 = 8;

/// A caller, as the queue knows one: a digest that means nothing on another instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CallerKey(pub(super) u64);

impl CallerKey {
    /// On behalf of everybody: the answer serves all callers.
    pub(crate) const EVERYBODY: Self = Lane::Permitted.everybody();

    /// The lane of a question on behalf of everybody.
    pub(super) fn lane_of_everybody(self) -> Option<Lane> {
        Lane::ALL.into_iter().find(|lane| lane.everybody() == self)
    }
}

impl fmt::Display for CallerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What is known about the caller of a request. Of 8 permits, at least 6 are for callers who held a
/// permission when the tenant was last asked about them, and at least one each for the others.
/// Permits that a lane does not need go to the first lane that does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// The caller holds a permission.
    Permitted,
    /// Nothing is known.
    New,
    /// The caller holds no permission.
    Denied,
}

/// The requests that wait or are in flight.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// In order of arrival.
    places: Vec<Place>,
    arrived: u64,
    /// How many permits were given.
    granted: u64,
    /// The round that each lane has come to.
    rounds: [u64; 3],
}

/// A request's place: 40 bytes, whatever the request is.
#[derive(Clone, Copy, Debug)]
struct Place {
    number: u64,
    caller: CallerKey,
    lane: Lane,
    /// A lane serves one request of each caller in each round.
    round: u64,
    has_permit: bool,
}

impl Lane {
    const ALL: [Self; 3] = [Self::Permitted, Self::New, Self::Denied];

    /// The key of everybody in this lane.
    pub(super) const fn everybody(self) -> CallerKey {
        CallerKey(self as u64)
    }

    /// The lane that a permit belongs to if requests wait in all of them.
    fn of_permit(number: u64) -> Self {
        match number % CYCLE {
            6 => Self::New,
            7 => Self::Denied,
            _ => Self::Permitted,
        }
    }
}

impl Queue {
    /// Adds a request and returns its number; `None` if the lane is full. A full lane has room for
    /// a caller with fewer requests: the last request of the caller with the most gives way.
    pub(super) fn enter(&mut self, caller: CallerKey, lane: Lane) -> Option<u64> {
        let in_lane = || self.places.iter().filter(|place| place.lane == lane);
        let of_caller = in_lane().filter(|place| place.caller == caller).map(|place| place.round);
        let current = self.rounds.get(lane as usize).copied().unwrap_or_default();
        let round = of_caller.max().unwrap_or_default().max(current).saturating_add(1);
        if in_lane().filter(|place| !place.has_permit).count() >= MAX_WAITING {
            let waiting = in_lane().filter(|place| !place.has_permit);
            let last = waiting.max_by_key(|place| (place.round, place.number));
            let last = last.filter(|last| last.round > round)?.number;
            self.leave(last);
        }
        let number = self.arrived;
        self.arrived = number.wrapping_add(1);
        self.places.push(Place { number, caller, lane, round, has_permit: false });
        Some(number)
    }

    /// Removes a request.
    pub(super) fn leave(&mut self, number: u64) {
        self.places.retain(|place| place.number != number);
    }

    /// Gives permits until `allowance` requests have one.
    pub(super) fn grant(&mut self, allowance: u32) {
        while self.in_flight() < allowance {
            let preferred = Lane::of_permit(self.granted);
            let lanes = [preferred].into_iter().chain(Lane::ALL);
            let Some(next) = lanes.filter_map(|lane| self.next(lane)).next() else { return };
            self.granted = self.granted.wrapping_add(1);
            for place in self.places.iter_mut().filter(|place| place.number == next) {
                place.has_permit = true;
                if let Some(round) = self.rounds.get_mut(place.lane as usize) {
                    *round = place.round.max(*round);
                }
            }
        }
    }

    /// Takes a permit back. The request keeps its place.
    pub(super) fn take_back(&mut self, number: u64) {
        for place in self.places.iter_mut().filter(|place| place.number == number) {
            place.has_permit = false;
        }
    }

    /// Whether a request may be sent; `None` if it had to give way.
    pub(super) fn has_permit(&self, number: u64) -> Option<bool> {
        self.places.iter().find(|place| place.number == number).map(|place| place.has_permit)
    }

    /// How many requests have a permit.
    pub(super) fn in_flight(&self) -> u32 {
        let in_flight = self.places.iter().filter(|place| place.has_permit).count();
        u32::try_from(in_flight).unwrap_or(u32::MAX)
    }

    /// How many requests wait.
    pub(super) fn waiting(&self) -> usize {
        self.places.iter().filter(|place| !place.has_permit).count()
    }

    /// The next request of a lane, of a caller who has none in flight.
    fn next(&self, lane: Lane) -> Option<u64> {
        let is_served =
            |caller| self.places.iter().any(|place| place.has_permit && place.caller == caller);
        let waiting = self.places.iter().filter(|place| place.lane == lane && !place.has_permit);
        let next = waiting.filter(|place| !is_served(place.caller));
        next.min_by_key(|place| (place.round, place.number)).map(|place| place.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOG: CallerKey = CallerKey(1);
    const OTHER: CallerKey = CallerKey(2);

    /// The callers that are served one after the other, as one request in flight is allowed.
    fn served(queue: &mut Queue, permits: usize) -> Vec<u64> {
        (0..permits)
            .map_while(|_| {
                queue.grant(1);
                let place = queue.places.iter().copied().find(|place| place.has_permit)?;
                queue.leave(place.number);
                Some(place.caller.0)
            })
            .collect()
    }

    #[test]
    fn callers_take_turns_however_many_requests_one_of_them_has() {
        let mut queue = Queue::default();
        for _ in 0..5 {
            queue.enter(HOG, Lane::New);
        }
        queue.enter(OTHER, Lane::New);
        queue.enter(OTHER, Lane::New);
        assert_eq!(served(&mut queue, 3), [1, 2, 1]);
        // A newcomer comes after one request of each caller, and so does one who was just served.
        queue.enter(CallerKey(3), Lane::New);
        assert_eq!(served(&mut queue, 2), [2, 1]);
        queue.enter(OTHER, Lane::New);
        assert_eq!(served(&mut queue, 9), [3, 1, 2, 1]);
    }

    #[test]
    fn a_caller_has_one_request_in_flight() {
        let mut queue = Queue::default();
        let [first, second] = [HOG, HOG].map(|caller| queue.enter(caller, Lane::New).unwrap());
        queue.grant(9);
        assert_eq!((queue.has_permit(first), queue.has_permit(second)), (Some(true), Some(false)));
        let other = queue.enter(OTHER, Lane::Permitted).unwrap();
        queue.grant(9);
        assert_eq!((queue.has_permit(second), queue.has_permit(other)), (Some(false), Some(true)));
        queue.leave(first);
        queue.grant(9);
        assert_eq!(queue.has_permit(second), Some(true));
    }

    #[test]
    fn callers_with_a_permission_get_most_permits_and_the_others_some() {
        let mut queue = Queue::default();
        for caller in 0..40 {
            queue.enter(CallerKey(300 + caller), Lane::Denied);
            queue.enter(CallerKey(200 + caller), Lane::New);
            queue.enter(CallerKey(100 + caller), Lane::Permitted);
        }
        let count =
            |served: &[u64], lane: u64| served.iter().filter(|it| **it / 100 == lane).count();
        let first = served(&mut queue, 40);
        assert_eq!([1, 2, 3].map(|lane| count(&first, lane)), [30, 5, 5]);
        // The permits that are left over go to the next lane.
        let rest = served(&mut queue, 40);
        assert_eq!([1, 2, 3].map(|lane| count(&rest, lane)), [10, 25, 5]);
        assert_eq!(served(&mut queue, 99).len(), 40, "nobody waits for ever");
    }

    #[test]
    fn a_permit_that_is_taken_back_goes_to_the_same_request_again() {
        let mut queue = Queue::default();
        let [first, second] = [HOG, OTHER].map(|caller| queue.enter(caller, Lane::New).unwrap());
        queue.grant(1);
        queue.take_back(first);
        queue.grant(1);
        assert_eq!((queue.has_permit(first), queue.has_permit(second)), (Some(true), Some(false)));
    }

    #[test]
    fn a_full_lane_refuses_the_caller_with_the_most_requests() {
        let mut queue = Queue::default();
        let numbers: Vec<_> =
            (0..MAX_WAITING).map(|_| queue.enter(HOG, Lane::New).unwrap()).collect();
        assert_eq!(queue.enter(HOG, Lane::New), None);
        let other = queue.enter(OTHER, Lane::New);
        assert!(other.is_some());
        assert_eq!(queue.has_permit(numbers[MAX_WAITING - 1]), None, "the last one gave way");
        assert_eq!(queue.waiting(), MAX_WAITING);
        // Another lane is not affected.
        assert!(queue.enter(HOG, Lane::Permitted).is_some());
        let mut queue = Queue::default();
        for caller in 0..MAX_WAITING as u64 {
            queue.enter(CallerKey(caller), Lane::New);
        }
        assert_eq!(queue.enter(CallerKey(999), Lane::New), None, "everybody has one request");
        assert!(std::mem::size_of::<Place>() <= 40);
    }
}
