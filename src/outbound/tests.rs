use super::*;

#[test]
fn plain_http_is_for_loopback_only() {
    for (uri, expected) in [
        ("https://www.googleapis.com/x", true),
        ("http://127.0.0.1:4000/x", true),
        ("http://127.8.9.1/x", true),
        ("http://[::1]:4000/x", true),
        ("http://localhost:4000/x", true),
        ("http://www.googleapis.com/x", false),
        ("http://127.0.0.1.example.com/x", false),
        ("http://127.0.0.1@example.com/x", false),
        ("http://localhost.example.com/x", false),
        ("http://10.0.0.1/x", false),
        ("ftp://127.0.0.1/x", false),
        ("/x", false),
    ] {
        assert_eq!(is_secure(&uri.parse().unwrap()), expected, "{uri}");
    }
}
