//! The seeds of the targets. A target generates them when it starts, so no seed becomes outdated.

use std::{env, fs, path::Path};

use serde_json::Value;

use crate::{host::OTHER_ISSUER, token};

/// Writes seeds into the folder that the environment variable `SEEDS` names. Does nothing if the
/// variable is not set.
///
/// # Panics
///
/// Panics if the seeds cannot be written.
pub fn write(seeds: &[Vec<u8>]) {
    let Some(folder) = env::var_os("SEEDS") else {
        return;
    };
    let folder = Path::new(&folder);
    fs::create_dir_all(folder).expect("the folder can be created");
    for (number, seed) in seeds.iter().enumerate() {
        fs::write(folder.join(format!("{number:03}")), seed).expect("a seed can be written");
    }
}

/// The requests in the golden files, which cover every kind of message, and two of the largest.
#[must_use]
pub fn messages() -> Vec<Vec<u8>> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/conformance/messages");
    let mut seeds = Vec::new();
    collect(&golden, &mut seeds);
    // As many values as are accepted, and as many as fit into a body.
    seeds.extend([8000, 40_000].map(large));
    seeds
}

/// A call with about this many values, nested as deep as is accepted.
fn large(values: usize) -> Vec<u8> {
    const DEPTH: usize = 60;
    let nested = "{\"\":".repeat(DEPTH) + "0" + &"}".repeat(DEPTH);
    let many = vec![nested; values / DEPTH].join(",");
    let arguments = format!("{{\"a\":[{many}]}}");
    let params = format!("{{\"name\":\"greet\",\"arguments\":{arguments}}}");
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call""#;
    format!("{call},\"params\":{params}}}").into_bytes()
}

fn collect(folder: &Path, seeds: &mut Vec<Vec<u8>>) {
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            collect(&path, seeds);
            continue;
        }
        let golden = fs::read(&path).expect("the file can be read");
        let golden: Value = serde_json::from_slice(&golden).expect("a golden file is JSON");
        let body = match &golden["body"] {
            Value::String(body) => body.clone(),
            _ => golden["request"].to_string(),
        };
        let mut head =
            format!("mcp-protocol-version: {}\n", golden["revision"].as_str().unwrap_or_default());
        for (name, value) in golden["headers"].as_object().into_iter().flatten() {
            head.push_str(&format!("{name}: {}\n", value.as_str().unwrap_or_default()));
        }
        // Adds the request with the headers of the golden file, and with those that `parse` adds.
        seeds.push(format!("{head}\n{body}").into_bytes());
        seeds.push(body.into_bytes());
    }
}

/// Valid tokens, and tokens with one error.
#[must_use]
pub fn tokens() -> Vec<Vec<u8>> {
    let (header, claims) = (token::good_header(), token::good_claims());
    let mut seeds = vec![
        b"c".to_vec(),
        b"c\0\x05A".to_vec(),
        b"hBearer a.b.c".to_vec(),
        b"hBasic YTpi\nBearer a".to_vec(),
        b"hDPoP a.b.c".to_vec(),
        format!("hBearer {}", "A".repeat(40)).into_bytes(),
    ];
    let mut signed = |header: &Value, claims: &Value| {
        seeds.push(format!("s{header}\n{claims}").into_bytes());
    };
    signed(&header, &claims);
    for (name, value) in [("crit", "[\"b64\"]"), ("typ", "\"JWT\""), ("alg", "\"none\"")] {
        let mut header = header.clone();
        header[name] = serde_json::from_str(value).expect("the value is JSON");
        signed(&header, &claims);
    }
    for (name, value) in [
        ("aud", r#"["https://mcp.example.com/mcp", "https://tenant.example.com/userinfo"]"#),
        ("nbf", "1800000000.5"),
        ("exp", "1e300"),
        ("act", r#"{"sub":"agent","act":{"sub":"other"}}"#),
        ("scope", r#""tool:greet tool:whoami""#),
        ("permissions", r#"["tool:greet"]"#),
        ("cnf", r#"{"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}"#),
        ("org_id", r#""org_1""#),
    ] {
        let mut claims = claims.clone();
        claims[name] = serde_json::from_str(value).expect("the value is JSON");
        signed(&header, &claims);
    }
    let mut other = claims;
    other["iss"] = OTHER_ISSUER.into();
    seeds.push(format!("o{header}\n{other}").into_bytes());
    seeds
}
