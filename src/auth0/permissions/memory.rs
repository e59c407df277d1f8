//! What an instance remembers of the tenant's answers: values that never change, each for a while.

use std::{cell::RefCell, rc::Rc};

use super::Undecided;

/// So many answers are remembered; of more, the oldest is forgotten.
const MAX_ANSWERS: usize = 1000;

/// For so long a failure is the answer to those who wait for the same, in milliseconds.
const FAILED_MILLIS: u64 = 1000;

/// How many things determine an answer.
const PARTS: usize = 7;

/// What determines an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts<'a>(pub(super) [&'a str; PARTS]);

/// What determines an answer, hashed.
pub(super) type Key = [u8; 32];

/// An answer of the tenant: names of permissions on this server's API that belong to tools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// When it was asked for, in milliseconds since the Unix epoch. It may be no newer than that.
    pub(super) asked_at: u64,
    pub(super) names: Vec<String>,
    /// False when it is about a user whom the tenant does not know.
    pub(super) user_exists: bool,
}

/// The answers that an instance remembers. They are few, and looking through all of them takes microseconds.
#[derive(Debug, Default)]
pub(crate) struct PermissionMemory {
    answers: RefCell<Vec<([String; PARTS], Rc<Answer>)>>,
    /// What is being asked, or was asked without an answer.
    asked: RefCell<Vec<(Key, Asked)>>,
}

#[derive(Clone, Copy, Debug)]
enum Asked {
    Now,
    /// Until then, in milliseconds since the Unix epoch, it counts as the answer.
    Failed(Undecided, u64),
}

/// What a request finds that wants to ask.
pub(super) enum Turn<'a> {
    /// Nobody asks: it may.
    Yours(Asking<'a>),
    /// Somebody does.
    Others,
    /// Somebody just did, in vain.
    Failed(Undecided),
}

/// The request that asks. Its mark falls with it, also when its client hangs up in the middle.
pub(super) struct Asking<'a> {
    memory: &'a PermissionMemory,
    key: Key,
}

impl Parts<'_> {
    /// Whether these are those. The last one, the subject, is what differs most often.
    fn are(&self, known: &[String; PARTS]) -> bool {
        known.iter().rev().eq(self.0.iter().rev())
    }
}

impl Answer {
    pub(super) fn new(asked_at: u64, names: Vec<String>) -> Self {
        Self { asked_at, names, user_exists: true }
    }

    /// That the tenant does not know the user.
    pub(super) fn user_unknown(asked_at: u64) -> Self {
        Self { asked_at, names: Vec::new(), user_exists: false }
    }

    pub(super) fn holds(&self, permission: &str) -> bool {
        self.names.iter().any(|name| name == permission)
    }
}

impl PermissionMemory {
    pub(super) fn answer(&self, parts: Parts<'_>) -> Option<Rc<Answer>> {
        let answers = self.answers.borrow();
        answers.iter().find(|(known, _)| parts.are(known)).map(|(_, answer)| Rc::clone(answer))
    }

    pub(super) fn remember(&self, parts: Parts<'_>, answer: Rc<Answer>) {
        let mut answers = self.answers.borrow_mut();
        if let Some((_, known)) = answers.iter_mut().find(|(known, _)| parts.are(known)) {
            *known = answer;
        } else if answers.len() < MAX_ANSWERS {
            answers.push((parts.0.map(str::to_owned), answer));
        } else if let Some(oldest) = answers.iter_mut().min_by_key(|(_, known)| known.asked_at) {
            *oldest = (parts.0.map(str::to_owned), answer);
        }
    }

    /// Lets one request at a time ask the same.
    pub(super) fn turn(&self, key: Key, now: u64) -> Turn<'_> {
        let mut asked = self.asked.borrow_mut();
        asked.retain(|(_, asked)| !matches!(asked, Asked::Failed(_, until) if *until <= now));
        match asked.iter().find(|(known, _)| *known == key) {
            Some((_, Asked::Now)) => return Turn::Others,
            Some((_, Asked::Failed(undecided, _))) => return Turn::Failed(*undecided),
            None => asked.push((key, Asked::Now)),
        }
        Turn::Yours(Asking { memory: self, key })
    }
}

impl Asking<'_> {
    /// Tells those who wait that it was in vain.
    pub(super) fn failed(self, undecided: Undecided, now: u64) {
        let failed = Asked::Failed(undecided, now.saturating_add(FAILED_MILLIS));
        let mut asked = self.memory.asked.borrow_mut();
        asked.iter_mut().filter(|(key, _)| *key == self.key).for_each(|(_, asked)| *asked = failed);
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let is_mine = |(key, asked): &(Key, Asked)| *key == self.key && matches!(asked, Asked::Now);
        self.memory.asked.borrow_mut().retain(|asked| !is_mine(asked));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held_by(subject: &str) -> Parts<'_> {
        Parts(["held", "issuer", "audience", "tenant", "management", "client", subject])
    }

    #[test]
    fn of_more_answers_than_there_is_room_for_the_oldest_is_forgotten() {
        let memory = PermissionMemory::default();
        let is_remembered = |subject: &str| memory.answer(held_by(subject)).is_some();
        for number in 0..=MAX_ANSWERS as u64 {
            // The second is the oldest.
            let asked_at = if number == 1 { 0 } else { number + 1 };
            let answer = Rc::new(Answer::new(asked_at, Vec::new()));
            memory.remember(held_by(&number.to_string()), answer);
        }
        assert_eq!(memory.answers.borrow().len(), MAX_ANSWERS);
        assert!(!is_remembered("1") && is_remembered("0") && is_remembered("1000"));
    }

    #[test]
    fn an_answer_is_found_by_all_that_it_depends_on() {
        let memory = PermissionMemory::default();
        let Parts(asked) = held_by("auth0|1");
        memory.remember(Parts(asked), Rc::new(Answer::new(1, Vec::new())));
        assert!(memory.answer(Parts(asked)).is_some());
        for other in 0..PARTS {
            let mut parts = asked;
            parts[other] = "another";
            assert!(memory.answer(Parts(parts)).is_none(), "{other}");
        }
    }

    #[test]
    fn who_hangs_up_while_asking_makes_room_for_the_next() {
        let memory = PermissionMemory::default();
        let first = memory.turn([1; 32], 0);
        assert!(matches!(first, Turn::Yours(_)));
        assert!(matches!(memory.turn([1; 32], 0), Turn::Others));
        assert!(
            matches!(memory.turn([2; 32], 0), Turn::Yours(_)),
            "another question waits for nobody"
        );
        drop(first);
        assert!(matches!(memory.turn([1; 32], 0), Turn::Yours(_)));
    }
}
