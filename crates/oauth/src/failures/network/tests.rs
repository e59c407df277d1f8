use http::HeaderValue;

use super::*;

/// The network of a request from 192.0.2.1 with these fields of `x-forwarded-for`.
fn behind_proxy(fields: &[&[u8]]) -> Option<String> {
    let mut headers = HeaderMap::from_iter([(CONNECTION, HeaderValue::from_static("192.0.2.1:1"))]);
    let header = HeaderName::from_static("x-forwarded-for");
    for field in fields {
        headers.append(&header, HeaderValue::from_bytes(field).unwrap());
    }
    network(&headers, Some(&header))
}

#[test]
fn a_network_is_an_ipv4_address_or_what_one_subscriber_has_of_ipv6() {
    for (address, expected) in [
        ("192.0.2.1:40001", Some("192.0.2.1")),
        ("[2001:db8:1:203:4:5:6:7]:40001", Some("2001:db8:1:200")),
        ("[2001:db8:1:2ff::9]:40001", Some("2001:db8:1:200")),
        ("[2001:db8:1:300::9]:40001", Some("2001:db8:1:300")),
        ("[2001:db8::1]:40001", Some("2001:db8:0:0")),
        ("[2001:db8::2]:40001", Some("2001:db8:0:0")),
        ("[::ffff:192.0.2.1]:40001", Some("192.0.2.1")),
        ("[64:ff9b::192.0.2.1]:40001", Some("192.0.2.1")),
        ("unix", None),
        ("", None),
    ] {
        let headers = HeaderMap::from_iter([(CONNECTION, HeaderValue::from_static(address))]);
        assert_eq!(network(&headers, None).as_deref(), expected);
    }
    assert_eq!(network(&HeaderMap::new(), None), None);
}

#[test]
fn behind_a_proxy_the_address_that_it_appended_last_counts() {
    for (fields, expected) in [
        (&[&b"203.0.113.7"[..]][..], "203.0.113.7"),
        (&[b"203.0.113.7:4711"], "203.0.113.7"),
        (&[b"2001:db8:1:2::9"], "2001:db8:1:0"),
        (&[b"[2001:db8:1:2::9]"], "2001:db8:1:0"),
        (&[b"[2001:db8:1:2::9]:443"], "2001:db8:1:0"),
        (&[b"198.51.100.1, 198.51.100.2,203.0.113.7"], "203.0.113.7"),
        (&[b"198.51.100.1", b"198.51.100.2, 203.0.113.7"], "203.0.113.7"),
        (&[b"\xff, 203.0.113.7"], "203.0.113.7"),
        (&[b"\xff", b"203.0.113.7"], "203.0.113.7"),
    ] {
        assert_eq!(behind_proxy(fields).as_deref(), Some(expected), "{fields:?}");
    }
}

#[test]
fn what_is_no_address_is_nobodys_choice() {
    for fields in [
        &[][..],
        &[&b""[..]],
        &[b"unknown"],
        &[b"203.0.113.7, chosen"],
        &[b"203.0.113.7,"],
        &[b"203.0.113.7, \xff"],
        &[b"1.2.3.4.5"],
    ] {
        assert_eq!(behind_proxy(fields).as_deref(), Some("192.0.2.1"), "{fields:?}");
    }
}
