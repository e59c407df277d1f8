//! A host whose time passes only while everything waits: seconds of waiting take no time, and
//! always go the same way.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::{Future, pending},
    pin::Pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};

use super::{FakeFault, FakeHost};
use crate::host::{
    Clock, Http, HttpError, KeyValue, KeyValueError, Limits, Log, PortFuture, Random,
    VariableError, Variables, within,
};

/// What a simulated server makes of a request at a time (in milliseconds since the Unix epoch).
type Respond = dyn Fn(&Request<Bytes>, u64) -> Result<Response<Bytes>, HttpError>;

/// A host in simulated time. Everything but time and HTTP is that of a [`FakeHost`], except that a
/// slow store never answers.
pub struct SimulatedHost {
    pub fake: FakeHost,
    pub clock: SimulatedClock,
    /// How long an answer takes, in milliseconds.
    pub latency: Cell<u64>,
    /// When each request was sent, in milliseconds since the Unix epoch, and its `METHOD URL`.
    pub sent: RefCell<Vec<(u64, String)>>,
    respond: Box<Respond>,
}

/// Time. All clones show the same.
#[derive(Clone, Default)]
pub struct SimulatedClock(Rc<Time>);

#[derive(Default)]
struct Time {
    now: Cell<u64>,
    /// What to wake when, by time and number.
    wakes: RefCell<BTreeMap<(u64, u64), Option<Waker>>>,
    sleeps: Cell<u64>,
}

struct Sleep {
    time: Rc<Time>,
    until: u64,
    id: u64,
}

impl SimulatedHost {
    pub fn new(
        respond: impl Fn(&Request<Bytes>, u64) -> Result<Response<Bytes>, HttpError> + 'static,
    ) -> Self {
        let fake = FakeHost::new();
        let clock = SimulatedClock::default();
        clock.0.now.set(fake.now.get() * 1000);
        let (latency, sent) = (Cell::new(5), RefCell::default());
        Self { fake, clock, latency, sent, respond: Box::new(respond) }
    }

    /// How many requests were sent whose `METHOD URL` holds this text.
    pub fn count(&self, text: &str) -> usize {
        self.sent.borrow().iter().filter(|(_, sent)| sent.contains(text)).count()
    }

    fn unless_slow<'a, T: 'a>(&self, answer: PortFuture<'a, T>) -> PortFuture<'a, T> {
        match self.fake.store_fault.get() {
            Some(FakeFault::Slow) => Box::pin(pending()),
            _ => answer,
        }
    }
}

impl SimulatedClock {
    pub fn millis(&self) -> u64 {
        self.0.now.get()
    }

    pub fn advance(&self, millis: u64) {
        self.0.now.set(self.0.now.get() + millis);
    }

    /// Sets the clock back, or looks at that of a machine that is behind.
    pub fn go_back(&self, millis: u64) {
        self.0.now.set(self.0.now.get() - millis);
    }

    pub fn sleep(&self, millis: u64) -> PortFuture<'static, ()> {
        let time = Rc::clone(&self.0);
        let (until, id) = (time.now.get() + millis, time.sleeps.get());
        time.sleeps.set(id + 1);
        time.wakes.borrow_mut().insert((until, id), None);
        Box::pin(Sleep { time, until, id })
    }

    /// The results of futures that run at the same time. When all of them wait, time goes on to
    /// where the first does not.
    pub fn run<'a, T>(&self, futures: Vec<PortFuture<'a, T>>) -> Vec<T> {
        let mut left: Vec<_> = futures
            .into_iter()
            .map(|future| (Some(future), Arc::new(IsAwake(AtomicBool::new(true)))))
            .collect();
        let mut results: Vec<Option<T>> = left.iter().map(|_| None).collect();
        loop {
            let mut is_busy = false;
            for ((future, is_awake), result) in left.iter_mut().zip(&mut results) {
                if !is_awake.0.swap(false, Ordering::Relaxed) {
                    continue;
                }
                is_busy = true;
                let waker = Waker::from(Arc::clone(is_awake));
                if let Some(running) = future
                    && let Poll::Ready(value) =
                        running.as_mut().poll(&mut Context::from_waker(&waker))
                {
                    *result = Some(value);
                    *future = None;
                }
            }
            if left.iter().all(|(future, _)| future.is_none()) {
                return results.into_iter().flatten().collect();
            }
            if is_busy {
                continue;
            }
            let next = self.0.wakes.borrow().first_key_value().map(|((until, _), _)| *until);
            let next = next.expect("whatever waits waits for time");
            assert!(next > self.0.now.get(), "something is never ready");
            self.0.now.set(next);
            let wakes = self.0.wakes.borrow();
            let due = wakes.range(..=(next, u64::MAX));
            due.filter_map(|(_, waker)| waker.as_ref()).for_each(Waker::wake_by_ref);
        }
    }
}

/// Whether a future has to be polled.
struct IsAwake(AtomicBool);

impl Wake for IsAwake {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.time.now.get() < self.until {
            let waker = Some(context.waker().clone());
            self.time.wakes.borrow_mut().insert((self.until, self.id), waker);
            return Poll::Pending;
        }
        self.time.wakes.borrow_mut().remove(&(self.until, self.id));
        Poll::Ready(())
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.time.wakes.borrow_mut().remove(&(self.until, self.id));
    }
}

impl Http for SimulatedHost {
    fn send(
        &self,
        request: Request<Bytes>,
        limits: Limits,
    ) -> PortFuture<'_, Result<Response<Bytes>, HttpError>> {
        Box::pin(async move {
            let sent = format!("{} {}", request.method(), request.uri());
            self.sent.borrow_mut().push((self.clock.millis(), sent));
            let latency = self.latency.get();
            if u128::from(latency) > limits.total.as_millis() {
                within(self, limits.total, pending::<()>()).await;
                return Err(HttpError::TimedOut);
            }
            self.clock.sleep(latency / 2).await;
            let answer = (self.respond)(&request, self.clock.millis());
            self.clock.sleep(latency - latency / 2).await;
            if answer.as_ref().is_ok_and(|answer| answer.body().len() > limits.body) {
                return Err(HttpError::TooLarge);
            }
            answer
        })
    }
}

impl Clock for SimulatedHost {
    fn now(&self) -> u64 {
        self.clock.millis() / 1000
    }

    fn now_millis(&self) -> u64 {
        self.clock.millis()
    }

    fn sleep(&self, duration: Duration) -> PortFuture<'static, ()> {
        self.clock.sleep(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }
}

impl KeyValue for SimulatedHost {
    fn get<'a>(&'a self, key: &'a str) -> PortFuture<'a, Result<Option<Vec<u8>>, KeyValueError>> {
        self.unless_slow(self.fake.get(key))
    }

    fn set<'a>(
        &'a self,
        key: &'a str,
        value: &'a [u8],
    ) -> PortFuture<'a, Result<(), KeyValueError>> {
        self.unless_slow(self.fake.set(key, value))
    }

    fn delete<'a>(&'a self, key: &'a str) -> PortFuture<'a, Result<(), KeyValueError>> {
        self.unless_slow(self.fake.delete(key))
    }
}

impl Variables for SimulatedHost {
    fn variable<'a>(&'a self, name: &'a str) -> PortFuture<'a, Result<String, VariableError>> {
        self.fake.variable(name)
    }
}

impl Random for SimulatedHost {
    fn fill(&self, bytes: &mut [u8]) {
        self.fake.fill(bytes);
    }
}

impl Log for SimulatedHost {
    fn write_line(&self, line: &str) {
        self.fake.write_line(line);
    }

    fn audit(&self, line: &str) {
        self.fake.audit(line);
    }
}
