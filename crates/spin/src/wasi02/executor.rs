//! Runs the future of one request. While it waits, the host is asked for whatever is ready first.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::Future,
    pin::{Pin, pin},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use super::bindings::io::poll::{Pollable, poll};

/// What the request of this instance waits for.
#[derive(Clone, Debug, Default)]
pub(super) struct Executor(Rc<Waits>);

#[derive(Debug, Default)]
struct Waits {
    pending: RefCell<BTreeMap<u64, Pending>>,
    next: Cell<u64>,
}

#[derive(Clone, Debug)]
struct Pending {
    pollable: Rc<Pollable>,
    waker: Waker,
}

/// Whether the future has been woken since it was polled last.
#[derive(Debug, Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Executor {
    /// Runs a future to its end. `None` if nothing is pending, so the future would never finish.
    pub(super) fn block_on<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let mut future = pin!(future);
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        loop {
            if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
                return Some(value);
            }
            if !woken.0.swap(false, Ordering::Relaxed) && !self.wait() {
                return None;
            }
        }
    }

    /// Waits until something is ready, and wakes what waits for it; `false` if nothing is pending.
    fn wait(&self) -> bool {
        let pending: Vec<_> =
            self.0.pending.borrow().iter().map(|(id, pending)| (*id, pending.clone())).collect();
        if pending.is_empty() {
            return false;
        }
        let pollables: Vec<&Pollable> =
            pending.iter().map(|(_, pending)| &*pending.pollable).collect();
        // The host traps at an empty list only.
        for index in poll(&pollables) {
            let ready = usize::try_from(index).ok().and_then(|index| pending.get(index));
            if let Some((id, pending)) = ready {
                self.0.pending.borrow_mut().remove(id);
                pending.waker.wake_by_ref();
            }
        }
        true
    }

    /// Waits until a pollable is ready.
    ///
    /// The resource that it was made from must outlive the returned future: the host traps if a
    /// resource goes before its pollable.
    pub(super) fn ready(&self, pollable: Pollable) -> Ready {
        let id = self.0.next.get();
        self.0.next.set(id.wrapping_add(1));
        Ready { waits: Rc::clone(&self.0), pollable: Some(pollable), id }
    }
}

/// Waits for a pollable. It is registered at the first poll, because most are ready by then.
#[derive(Debug)]
pub(super) struct Ready {
    waits: Rc<Waits>,
    /// Not registered yet.
    pollable: Option<Pollable>,
    id: u64,
}

impl Future for Ready {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let mut pending = this.waits.pending.borrow_mut();
        if let Some(pollable) = this.pollable.take() {
            if pollable.ready() {
                return Poll::Ready(());
            }
            let entry = Pending { pollable: Rc::new(pollable), waker: context.waker().clone() };
            pending.insert(this.id, entry);
            return Poll::Pending;
        }
        match pending.get_mut(&this.id) {
            Some(entry) => {
                entry.waker.clone_from(context.waker());
                Poll::Pending
            }
            // `Executor::wait` found it ready.
            None => Poll::Ready(()),
        }
    }
}

impl Drop for Ready {
    fn drop(&mut self) {
        self.waits.pending.borrow_mut().remove(&self.id);
    }
}
