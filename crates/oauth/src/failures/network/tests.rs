use http::HeaderValue;

use super::*;

/// The network of a request from 192.0.2.1 with these fields of `x-forwarded-for`.
fn behind_proxy(fields: &[&str]) -> String {
    let mut headers = HeaderMap::from_iter([(CONNECTION, HeaderValue::from_static("192.0.2.1:1"))]);
    let header = HeaderName::from_static("x-forwarded-for");
    for field in fields {
        headers.append(&header, HeaderValue::from_str(field).unwrap());
    }
    network(&headers, Some(&header))
}

#[test]
fn a_network_is_an_ipv4_address_or_half_an_ipv6_address() {
    for (address, expected) in [
        ("192.0.2.1:40001", "192.0.2.1"),
        ("[2001:db8:1:2:3:4:5:6]:40001", "2001:db8:1:2"),
        ("[2001:db8:1:2::9]:40001", "2001:db8:1:2"),
        ("[2001:db8::1]:40001", "2001:db8:0:0"),
        ("[2001:db8::2]:40001", "2001:db8:0:0"),
        ("[::ffff:192.0.2.1]:40001", "192.0.2.1"),
        ("unix", "unix"),
        ("", ""),
    ] {
        let headers = HeaderMap::from_iter([(CONNECTION, HeaderValue::from_static(address))]);
        assert_eq!(network(&headers, None), expected);
    }
}

#[test]
fn behind_a_proxy_the_address_that_it_appended_last_counts() {
    for (fields, expected) in [
        (&["203.0.113.7"][..], "203.0.113.7"),
        (&["203.0.113.7:4711"], "203.0.113.7"),
        (&["2001:db8:1:2::9"], "2001:db8:1:2"),
        (&["[2001:db8:1:2::9]"], "2001:db8:1:2"),
        (&["[2001:db8:1:2::9]:443"], "2001:db8:1:2"),
        (&["198.51.100.1, 198.51.100.2,203.0.113.7"], "203.0.113.7"),
        (&["198.51.100.1", "198.51.100.2, 203.0.113.7"], "203.0.113.7"),
    ] {
        assert_eq!(behind_proxy(fields), expected, "{fields:?}");
    }
}

#[test]
fn what_is_no_address_is_nobodys_choice() {
    for fields in
        [&[][..], &[""], &["unknown"], &["203.0.113.7, chosen"], &["203.0.113.7,"], &["1.2.3.4.5"]]
    {
        assert_eq!(behind_proxy(fields), "192.0.2.1", "{fields:?}");
    }
}
