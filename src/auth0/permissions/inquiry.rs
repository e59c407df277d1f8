//! Finding out what a decision needs: in memory, then in key-value, then by asking the tenant.

use std::{cell::RefCell, rc::Rc, time::Duration};

use futures_util::future;

use super::{
    Decision, Knowledge, PermissionMemory, Requirement, Undecided,
    decision::{asks_tenant, decide, needs_definitions},
    fault::PermissionFault,
    memory::{Answer, Turn},
    question::{Question, digest},
    revocation::Revocations,
    stored,
};
use crate::{
    auth0::{ManagementMemory, management::Management},
    config::Config,
    host::{Host, PortFuture},
    oauth::Caller,
};

/// How often a request looks whether another one has come back with an answer.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// For so long one HTTP request, which may be a batch, goes by what it found out itself, in milliseconds.
const SAME_REQUEST_MILLIS: u64 = 1000;

/// An answer from further in the future was written by a clock that is wrong, in milliseconds.
const CLOCK_MILLIS: u64 = 2000;

/// A request that needs decisions.
pub(crate) struct Inquiry<'a> {
    pub(crate) host: &'a dyn Host,
    pub(crate) config: &'a Config,
    pub(crate) management: &'a ManagementMemory,
    pub(crate) memory: &'a PermissionMemory,
    pub(crate) caller: &'a Caller,
    /// What the same HTTP request has found out before, and when.
    pub(crate) found_out: &'a RefCell<Option<(Knowledge, u64)>>,
}

impl Inquiry<'_> {
    /// The decision about each of some tools. What is unknown is asked for once, for all of them.
    pub(crate) async fn decide(&self, tools: &[Requirement<'_>]) -> Vec<Decision> {
        let rules = &self.config.rules;
        let decide_all = |knowledge: &Knowledge| -> Vec<Decision> {
            let advertised = &self.config.scopes_supported;
            let decide = |tool| decide(rules, advertised, tool, self.caller, knowledge);
            tools.iter().map(decide).collect()
        };
        if tools.iter().all(|tool| rules.policy.hides(tool, self.caller)) {
            return decide_all(&Knowledge::default());
        }
        let knowledge = self.knowledge(rules.lifetime()).await;
        let decisions = decide_all(&knowledge);
        let oldest_no = self.host.now_millis().saturating_sub(rules.lifetime_of_a_no());
        let is_old_no = decisions.iter().any(Decision::is_no_of_the_tenant)
            && rules.lifetime() > 0
            && knowledge.was_asked_before(oldest_no);
        if !is_old_no {
            return decisions;
        }
        decide_all(&self.knowledge(rules.lifetime_of_a_no()).await)
    }

    /// What the tenant says, none of it about the user older than `max_age` milliseconds.
    async fn knowledge(&self, max_age: u64) -> Knowledge {
        let source = self.config.rules.source;
        if !needs_definitions(source) {
            return Knowledge::default();
        }
        let lifetime = self.config.rules.lifetime();
        let now = self.host.now_millis();
        if lifetime == 0
            && let Some((knowledge, found_at)) = self.found_out.borrow().clone()
            && now.saturating_sub(found_at) < SAME_REQUEST_MILLIS
        {
            return knowledge;
        }
        let asks_tenant = asks_tenant(source, self.caller);
        let subject = self.caller.subject();
        let revoked = match &self.config.rules.revocation_secret {
            Some(_) if lifetime > 0 => Revocations::of(self.host, self.config, subject).await,
            _ => Revocations::default(),
        };
        let defined = self.answer(Question::Defined, lifetime, revoked.of_everything);
        let held = async {
            match asks_tenant {
                true => {
                    let held = Question::Held(subject);
                    Some(self.answer(held, max_age, revoked.of_the_user).await)
                }
                false => None,
            }
        };
        let (defined, held) = future::join(defined, held).await;
        let knowledge = Knowledge { defined: Some(defined), held };
        self.found_out.replace(Some((knowledge.clone(), self.host.now_millis())));
        knowledge
    }

    /// An answer that is no older than `max_age` milliseconds, and was asked for after `revoked` (milliseconds since the
    /// Unix epoch).
    async fn answer(
        &self,
        question: Question<'_>,
        max_age: u64,
        revoked: u64,
    ) -> Result<Rc<Answer>, Undecided> {
        let Self { host, config, memory, .. } = *self;
        let management = Management::new(host, config, self.management);
        // What would be remembered now would not count.
        if config.rules.lifetime() == 0 || revoked >= host.now_millis() {
            let asked = self.ask(question, &management, &|| Box::pin(future::ready(true))).await;
            return asked.and_then(|answer| answer.ok_or_else(given_up));
        }
        let parts = question.parts(config);
        let counts = |answer: &Rc<Answer>| {
            answer.asked_at > revoked && is_fresh(answer, host.now_millis(), max_age)
        };
        let remembered = || memory.answer(parts).filter(counts);
        // Only who has to wait or to ask is in need of the key, and to make it is to hash.
        if let Some(answer) = remembered() {
            return Ok(answer);
        }
        let key = digest(&parts.0);
        loop {
            if let Some(answer) = remembered() {
                return Ok(answer);
            }
            let asking = match memory.turn(key, host.now_millis()) {
                Turn::Yours(asking) => asking,
                Turn::Failed(undecided) => return Err(undecided),
                Turn::Others if host.now_millis() >= management.deadline() => {
                    return Err(given_up());
                }
                Turn::Others => {
                    host.sleep(LOOK_AGAIN).await;
                    continue;
                }
            };
            // Another instance may have asked.
            let from_store = &async || {
                let stored = stored::read(host, &key).await;
                if let Some(answer) = stored.filter(counts) {
                    memory.remember(parts, answer);
                }
                remembered()
            };
            if let Some(answer) = from_store().await {
                return Ok(answer);
            }
            let is_needed = || -> PortFuture<'_, bool> {
                Box::pin(async move { from_store().await.is_none() })
            };
            match self.ask(question, &management, &is_needed).await {
                Ok(Some(answer)) => {
                    memory.remember(parts, Rc::clone(&answer));
                    drop(asking);
                    stored::write(host, &key, &answer).await;
                    return Ok(answer);
                }
                // It came into the store meanwhile, and from there into memory.
                Ok(None) => {}
                Err(undecided) => {
                    asking.failed(undecided, host.now_millis());
                    return Err(undecided);
                }
            }
        }
    }

    async fn ask<'n>(
        &self,
        question: Question<'_>,
        management: &Management<'_>,
        is_needed: &dyn Fn() -> PortFuture<'n, bool>,
    ) -> Result<Option<Rc<Answer>>, Undecided> {
        let asked_at = self.host.now_millis();
        let asked = question.ask(management, self.config, asked_at, is_needed).await;
        asked.map(|answer| answer.map(Rc::new)).map_err(|fault| {
            let what = match question {
                Question::Defined => "the API's permissions",
                Question::Held(_) => "a user's permissions",
            };
            self.host.log(&format!("permissions: {what} cannot be read: {fault}"));
            Undecided::from(&fault)
        })
    }
}

fn is_fresh(answer: &Answer, now: u64, max_age: u64) -> bool {
    now.saturating_sub(answer.asked_at) < max_age
        && answer.asked_at <= now.saturating_add(CLOCK_MILLIS)
}

/// Nobody has come back with an answer in time.
fn given_up() -> Undecided {
    Undecided { fault: PermissionFault::TimedOut, retry_after: 1 }
}

#[cfg(test)]
mod tests;
