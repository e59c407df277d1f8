use doorward_core::{
    audit::Reason,
    testing::{FakeHost, finish},
};
use http::HeaderValue;

use super::*;

const PUBLIC_URL: &str = "https://mcp.example.com";

fn read(public_url: &str, name: &str, value: &str) -> Result<Admission, String> {
    let host = FakeHost::new();
    host.set_variable(name, value);
    let mut reader = finish(Reader::fetch(&host, VARIABLES));
    let admission = Admission::read(&mut reader, Some(&public_url.parse().unwrap()));
    reader.finish(admission).map_err(|error| error.to_string())
}

fn admission(name: &str, value: &str) -> Admission {
    read(PUBLIC_URL, name, value).unwrap()
}

fn is_admitted(allowed: &str, uri: &str, hosts: &[&str]) -> bool {
    is_admitted_at(&admission("allowed_hosts", allowed), uri, hosts)
}

fn is_admitted_at(admission: &Admission, uri: &str, hosts: &[&str]) -> bool {
    let mut headers = HeaderMap::new();
    for host in hosts {
        headers.append(header::HOST, HeaderValue::from_bytes(host.as_bytes()).unwrap());
    }
    match admission.admit(&uri.parse().unwrap(), &headers) {
        Ok(origin) => origin == AllowOrigin::None,
        Err(error) => {
            assert_eq!(error, AdmissionError::Host);
            assert_eq!(error.code(), "host_not_allowed");
            assert_eq!(error.answer().status(), StatusCode::FORBIDDEN);
            false
        }
    }
}

fn origin_with(allowed: &str, values: &[&str]) -> Result<AllowOrigin, AdmissionError> {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(header::ORIGIN, HeaderValue::from_str(value).unwrap());
    }
    admission("allowed_origins", allowed).admit(&Uri::from_static("/mcp"), &headers)
}

fn origin(values: &[&str]) -> Result<AllowOrigin, AdmissionError> {
    origin_with("", values)
}

#[test]
fn the_public_name_is_this_server_on_any_port() {
    for host in
        ["mcp.example.com", "MCP.example.com", "mcp.example.com:443", "mcp.example.com:8443"]
    {
        assert!(is_admitted("", "/mcp", &[host]), "{host}");
        assert!(is_admitted("", &format!("http://{host}/mcp"), &[]), "{host}");
    }
    assert!(is_admitted("", "/mcp", &[]), "no browser leaves the host out");
}

/// Reproduction: the name was read up to the first colon, and after the last `@`.
#[test]
fn a_name_is_compared_as_a_whole() {
    let local = read("http://127.0.0.1:3100", "allowed_hosts", "proxy.internal").unwrap();
    for name in ["127.0.0.1", "localhost", "[::1]", "proxy.internal"] {
        for good in [name.to_owned(), format!("{name}:3100"), format!("{name}:1")] {
            assert!(is_admitted_at(&local, "/mcp", &[&good]), "{good}");
        }
        for bad in [
            format!("{name}:3100.evil.com"),
            format!("{name}:.evil.com"),
            format!("{name}:+3100"),
            format!("{name}:3100:3100"),
            format!("evil.com@{name}"),
            format!("evil.com:1@{name}:3100"),
            format!("{name}@{name}"),
            format!("{name}:1@{name}"),
            format!("@{name}"),
        ] {
            assert!(!is_admitted_at(&local, "/mcp", &[&bad]), "{bad}");
        }
    }
    assert!(!is_admitted_at(&local, "http://evil.com@127.0.0.1/mcp", &[]));
}

/// On another machine than its user's, a name of loopback is that of a proxy, or of an attack.
#[test]
fn loopback_is_this_server_only_if_its_public_url_is_there() {
    let local = read("http://localhost:3000", "allowed_hosts", "").unwrap();
    for host in ["localhost:3000", "LOCALHOST", "127.0.0.1:3000", "127.0.0.2", "[::1]:3000"] {
        assert!(is_admitted_at(&local, "/mcp", &[host]), "{host}");
        assert!(!is_admitted("", "/mcp", &[host]), "{host}");
        assert!(is_admitted("*", "/mcp", &[host]), "{host}");
        let origin = format!("http://{}", host.to_lowercase());
        let mut headers = HeaderMap::new();
        headers.insert(header::ORIGIN, origin.parse().unwrap());
        let uri = Uri::from_static("/mcp");
        assert!(local.admit(&uri, &headers).is_ok(), "{origin}");
        assert!(origin_with("", &[&origin]).is_err(), "{origin}");
        assert!(origin_with(&origin, &[&origin]).is_ok(), "{origin}");
    }
    assert!(is_admitted("127.0.0.1", "/mcp", &["127.0.0.1:3000"]), "the name of a proxy");
}

#[test]
fn the_port_of_the_public_url_does_not_matter() {
    for public_url in ["https://mcp.example.com:8443", "https://[2001:db8::1]:8443"] {
        let public: Origin = public_url.parse().unwrap();
        let name = public.host().to_owned();
        let admission = read(public_url, "allowed_hosts", "").unwrap();
        for host in [name.clone(), format!("{name}:8443"), format!("{name}:1")] {
            assert!(is_admitted_at(&admission, "/mcp", &[&host]), "{host}");
        }
        for other in ["mcp", "mcp.example.co", "example.com", "https", "8443", "[", "[2001:db8::2]"]
        {
            assert!(!is_admitted_at(&admission, "/mcp", &[other]), "{other}");
        }
    }
}

#[test]
fn other_names_are_not_this_server() {
    for host in [
        "evil.example.com",
        "evil.example.com:3000",
        "mcp.example.com.evil.example",
        "127.0.0.1.evil.example",
        "mcp.example.com@evil.example",
        "",
        "two words",
        "\u{e4}",
    ] {
        assert!(!is_admitted("", "/mcp", &[host]), "{host}");
    }
    assert!(!is_admitted("", "http://evil.example.com/mcp", &[]));
    assert!(!is_admitted("", "http://evil.example.com/mcp", &["mcp.example.com"]));
    assert!(!is_admitted("", "/mcp", &["mcp.example.com", "evil.example.com"]));
}

#[test]
fn the_operator_may_allow_the_name_that_a_proxy_uses() {
    assert!(is_admitted("doorward.internal 10.0.0.5", "/mcp", &["doorward.internal:8080"]));
    assert!(is_admitted("doorward.internal 10.0.0.5", "/mcp", &["10.0.0.5"]));
    assert!(!is_admitted("doorward.internal", "/mcp", &["other.internal"]));
    assert!(is_admitted("*", "/mcp", &["evil.example.com"]));
}

#[test]
fn a_request_without_an_origin_is_from_no_other_page() {
    assert_eq!(origin(&[]), Ok(AllowOrigin::None));
}

#[test]
fn the_servers_own_pages_may_use_the_endpoint() {
    let expected = AllowOrigin::Origin(HeaderValue::from_static(PUBLIC_URL));
    assert_eq!(origin(&[PUBLIC_URL]), Ok(expected));
}

#[test]
fn every_other_origin_is_refused() {
    for refused in [
        "null",
        "",
        "https://evil.example.com",
        "http://localhost.evil.example.com",
        "http://127.0.0.1.evil.example.com",
        "http://localhost:6274",
        "http://localhost:6274/path",
        "http://user@localhost:6274",
        "https://mcp.example.com.evil.example.com",
        "https://mcp.example.com:444",
        "file://localhost",
    ] {
        assert_eq!(origin(&[refused]), Err(AdmissionError::Origin), "{refused}");
    }
    assert_eq!(AdmissionError::Origin.code(), "origin_not_allowed");
    assert_eq!(AdmissionError::Origin.answer().status(), StatusCode::FORBIDDEN);
}

#[test]
fn two_origins_are_refused_though_each_alone_is_allowed() {
    assert_eq!(origin(&[PUBLIC_URL, PUBLIC_URL]), Err(AdmissionError::Origin));
}

#[test]
fn the_operator_may_allow_more_origins() {
    let allowed = "https://app.example.com http://intranet:8080";
    for origin in allowed.split(' ') {
        assert!(origin_with(allowed, &[origin]).is_ok(), "{origin}");
        assert!(origin_with("", &[origin]).is_err(), "{origin}");
    }
    for refused in ["https://app.example.com:444", "http://app.example.com", "null"] {
        assert_eq!(origin_with(allowed, &[refused]), Err(AdmissionError::Origin), "{refused}");
    }
}

#[test]
fn a_star_allows_every_origin_but_null() {
    for star in ["*", "https://app.example.com *"] {
        assert!(origin_with(star, &["https://anybody.example"]).is_ok());
        for refused in ["null", "", "https://anybody.example/", "anybody.example"] {
            assert_eq!(origin_with(star, &[refused]), Err(AdmissionError::Origin), "{refused}");
        }
    }
}

#[test]
fn origins_of_desktops_and_extensions_can_be_allowed() {
    let all = [
        "chrome-extension://abcdefghijklmnop",
        "moz-extension://0a1b2c3d-0000-0000-0000-000000000000",
        "vscode-webview://1a2b3c",
        "tauri://localhost",
        "app://obsidian.md",
    ];
    for origin in all {
        assert_eq!(origin_with("", &[origin]), Err(AdmissionError::Origin), "{origin}");
        for allowed in ["*", origin, &format!("https://a.example {origin}")] {
            assert!(origin_with(allowed, &[origin]).is_ok(), "{origin} by {allowed}");
        }
        let (scheme, _) = origin.split_once("//").unwrap();
        assert!(origin_with(scheme, &[origin]).is_ok(), "{origin} by {scheme}");
        let others = all.into_iter().filter(|it| *it != origin);
        for other in others {
            assert!(origin_with(origin, &[other]).is_err(), "{other} by {origin}");
            assert!(origin_with(scheme, &[other]).is_err(), "{other} by {scheme}");
        }
    }
    let local = read("http://localhost:3000", "allowed_origins", "").unwrap();
    let headers = HeaderMap::from_iter([(header::ORIGIN, "tauri://localhost".parse().unwrap())]);
    let refused = local.admit(&Uri::from_static("/mcp"), &headers);
    assert_eq!(refused, Err(AdmissionError::Origin), "another scheme is not loopback");
    for bad in
        ["null", "file://", "://a", "A://b", "a://b/c", "a://b?c", "a://u@b", "https:", "a b:"]
    {
        assert!(origin_with("*", &[bad]).is_err(), "{bad}");
    }
    for bad in ["http:", "https:", "tauri://", "tauri://localhost/", "tauri://a/b", ":", "a_b:"] {
        assert!(read(PUBLIC_URL, "allowed_origins", bad).is_err(), "{bad}");
    }
}

#[test]
fn an_allowed_host_is_a_host_however_it_is_written() {
    for allowed in ["Doorward.Internal", "doorward.internal:8080", "DOORWARD.internal:1"] {
        for host in ["doorward.internal", "doorward.internal:8080", "DOORWARD.INTERNAL:9"] {
            assert!(is_admitted(allowed, "/mcp", &[host]), "{host} by {allowed}");
        }
        assert!(!is_admitted(allowed, "/mcp", &["evil.internal"]), "{allowed}");
    }
    assert!(is_admitted("[2001:DB8::1]:80", "/mcp", &["[2001:db8::1]"]));
    for bad in [
        "https://doorward.internal",
        "doorward.internal/mcp",
        "*.internal",
        "user@doorward.internal",
        "doorward.internal:port",
        "a.example, b.example",
        "",
    ] {
        let error = read(PUBLIC_URL, "allowed_hosts", bad).err();
        assert_eq!(error.is_some(), !bad.is_empty(), "{bad}: {error:?}");
    }
}

#[test]
fn allowed_origins_are_written_as_browsers_write_them() {
    assert!(
        read(PUBLIC_URL, "allowed_origins", "https://a.example http://b.example:8080 *").is_ok()
    );
    for bad in
        ["a.example", "https://a.example/", "https://A.example", "https://a.example:443", "null"]
    {
        for value in [bad.to_owned(), format!("{bad} *"), format!("https://b.example {bad}")] {
            let error = read(PUBLIC_URL, "allowed_origins", &value).unwrap_err();
            assert!(
                error.starts_with("the variable `allowed_origins` is not a list of"),
                "{error}"
            );
            assert!(!error.contains("a.example"), "{error}");
        }
    }
}
