//! Messages that arrive, or are reached, long after the token that they came with was checked.

use std::{
    pin::Pin,
    task::{Context as TaskContext, Poll},
};

use http_body::Frame;

use super::*;
use crate::testing::audited;

const SECRET: &str = "a-revocation-secret-of-32-letters";

/// How much later, in seconds.
const LATER: u64 = 26;

/// A body before which something happens.
struct Late<F>(Option<F>, Option<&'static [u8]>);

impl<F: FnOnce() + Unpin> Body for Late<F> {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(happens) = self.0.take() {
            happens();
        }
        Poll::Ready(self.1.take().map(|body| Ok(Frame::data(Bytes::from_static(body)))))
    }
}

/// Cuts off the user by another instance.
fn cut_off(host: &Rc<FakeHost>) {
    let revoke = Request::post("/revoke")
        .header("authorization", format!("Bearer {SECRET}"))
        .body(Full::from(r#"{ "cut_off": { "subject": "auth0|1" } }"#));
    let (status, answer) = one(serve(&server(), host, revoke.unwrap()));
    assert_eq!((status, &answer["cut_off"]), (200, &json!(1)));
}

#[test]
fn a_body_is_refused_if_it_arrives_after_the_access_has_ended() {
    let expires_in = 600 + 60;
    type Happens = fn(&Rc<FakeHost>);
    let table: [(u64, Happens, u16, &str); 4] = [
        (LATER, |_| {}, 200, "admitted"),
        (LATER, cut_off, 401, "token_cut_off"),
        (expires_in, |_| {}, 401, "token_expired"),
        (LATER, |host| host.store_fault.set(Some(FakeFault::Down)), 503, "revocation_unknown"),
    ];
    for (seconds, happens, status, reason) in table {
        let host = host();
        host.set_variable("revocation_secret", SECRET);
        let later = Rc::clone(&host);
        let happens = move || {
            happens(&later);
            later.now.set(later.now.get() + seconds);
        };
        let request = ping(&[]).map(|_| Late(Some(happens), Some(PING.as_bytes())));
        let answer = one(server().serve(Rc::clone(&host) as Rc<dyn Host>, request));
        let last = audited(&host).pop().unwrap();
        assert_eq!((answer.status().as_u16(), &last["reason"]), (status, &json!(reason)));
    }
}

#[test]
fn the_messages_of_a_batch_that_are_left_when_the_access_ends_do_not_run() {
    const BATCH: &str = r#"[
        {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"cut_off"}},
        {"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"cut_off"}},
        {"jsonrpc":"2.0","id":3,"method":"ping"}
    ]"#;
    let host = host();
    host.set_variable("revocation_secret", SECRET);
    let shared = Rc::clone(&host);
    let tool = move |_: &Context, NoArguments {}| {
        cut_off(&shared);
        shared.now.set(shared.now.get() + LATER);
        std::future::ready(Ok(String::from("Done.")))
    };
    let server = Server::new(INFO, Registry::new().with(Tool::new("cut_off", tool).public()));
    let request = ping(&[]).map(|_| Full::from(BATCH));
    let (status, answers) = one(serve(&server, &host, request));
    assert_eq!((status, answers[0]["result"]["isError"].as_bool()), (200, Some(false)));
    for (index, id) in [(1, 2), (2, 3)] {
        let error = &answers[index]["error"]["message"];
        let expected = "Your access has ended, or cannot be checked just now. Sign in again.";
        assert_eq!((&answers[index]["id"], error), (&json!(id), &json!(expected)));
    }
    assert_eq!(audited(&host).pop().unwrap()["reason"], "token_cut_off");
}
