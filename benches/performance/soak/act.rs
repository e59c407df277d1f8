//! What the users do, and how often.

/// A request, or a few that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Lists the tools.
    List,
    /// Calls a built-in tool that answers at once. Users without its permission are refused.
    Call(&'static str),
    /// Calls a tool of another server.
    Upstream,
    /// Calls a tool of another server that fails in this way.
    Failing(&'static str),
    /// Reads the calendar, or follows the link on which an account is connected.
    Calendar,
    /// Sends a token that has to be refused.
    Forged(Forgery),
    /// Reads a stream of progress to its end.
    Progress,
    /// Hangs up before the answer.
    HangUp(When),
}

/// What is wrong with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Forgery {
    Signature,
    Expired,
    Audience,
    Unsigned,
}

/// When a client hangs up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// While it sends the body.
    Sending,
    /// While it waits for the answer.
    Waiting,
    /// After the first event of a stream.
    Streaming,
}

/// The mix: an act, and its share of a hundred and some.
const MIX: [(Act, u32); 17] = [
    (Act::List, 16),
    (Act::Call("greet"), 22),
    (Act::Call("whoami"), 14),
    (Act::Call("get_datetime"), 8),
    (Act::Upstream, 12),
    (Act::Calendar, 8),
    (Act::Forged(Forgery::Signature), 3),
    (Act::Forged(Forgery::Expired), 2),
    (Act::Forged(Forgery::Audience), 2),
    (Act::Forged(Forgery::Unsigned), 1),
    (Act::Progress, 3),
    (Act::HangUp(When::Sending), 1),
    (Act::HangUp(When::Waiting), 2),
    (Act::HangUp(When::Streaming), 2),
    (Act::Failing("garbage"), 2),
    (Act::Failing("close"), 1),
    (Act::Failing("slow"), 1),
];

impl Act {
    /// Chooses by a random number.
    pub(super) fn choose(random: u32) -> Self {
        let total: u32 = MIX.iter().map(|(_, share)| share).sum();
        let mut left = random % total;
        for (act, share) in MIX {
            match left.checked_sub(share) {
                Some(rest) => left = rest,
                None => return act,
            }
        }
        Self::List
    }

    /// What it is called in the results.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::List => "lists",
            Self::Call(_) => "calls",
            Self::Upstream => "calls of another server",
            Self::Failing(_) => "calls of a slow or failing server",
            Self::Calendar => "calendars or connect pages",
            Self::Forged(_) => "refused tokens",
            Self::Progress => "progress streams",
            Self::HangUp(_) => "hang-ups",
        }
    }
}
