//! Tests `cargo run -- try` from the outside.

use crate::program::{free_port, program, run};

#[tokio::test]
async fn try_runs_the_whole_flow_for_both_users() {
    let ended = run(&mut program(&["try", "--host", "local", "--no-build"])).await;
    let all = format!("{}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.status, 0, "{all}");
    assert!(!ended.stdout.contains('✗') && !ended.stdout.contains('\u{1b}'), "{all}");
    assert!(!all.contains("eyJ"), "no token is printed: {all}");

    let (permitted, refused) = ended.stdout.split_once("\nGuest (").expect("two people");
    for step in ["server/discover", "initialize"] {
        assert!(ended.stdout.contains(&format!("✓ {step}: ")), "both eras are spoken: {all}");
    }
    assert!(permitted.contains("✓ calendar_summary:\n      Calendar Summary for "), "{all}");
    assert!(permitted.contains("Daily stand-up"), "the calendar is printed: {all}");
    for tool in ["whoami", "greet", "calendar_summary"] {
        let refusal = format!("You don't have permission to use the '{tool}' tool.");
        assert!(refused.contains(&refusal), "{all}");
        assert!(!permitted.contains(&refusal), "{all}");
    }
    assert!(refused.contains("✓ get_datetime: 20"), "a public tool answers everybody: {all}");
}

#[tokio::test]
async fn try_prints_one_error_if_nothing_responds() {
    let url = format!("http://127.0.0.1:{}", free_port());
    let ended = run(&mut program(&["try", "--server-url", &url])).await;
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    let text = format!("error: nothing responds at {url}/mcp: ");
    assert!(ended.stderr.starts_with(&text), "{}", ended.stderr);
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    assert!(!ended.stdout.contains('✗'), "{}", ended.stdout);
}

#[tokio::test]
async fn try_against_something_else_fails_and_says_what_it_expected() {
    // Accepts connections and closes them without an HTTP response.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let other = format!("http://{}", listener.local_addr().expect("its address"));
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    let ended = run(&mut program(&["try", "--server-url", &other])).await;
    assert_eq!(ended.status, 1, "{}", ended.stdout);
    assert!(
        ended.stdout.contains("✗ a call without a token\n      expected: an HTTP response\n"),
        "{}",
        ended.stdout
    );
    assert!(ended.stderr.contains("4 of 4 steps failed"), "{}", ended.stderr);
}
