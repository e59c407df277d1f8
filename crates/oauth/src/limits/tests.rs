use super::*;

fn parse(text: &str) -> Result<CallerLimits, String> {
    CallerLimits::parse(text, &|name| name == "greet")
}

const fn limit(interval: u64, burst: u32) -> Option<Limit> {
    Some(Limit { rate: Some(Rate { interval, burst }), day: None })
}

#[test]
fn limits_are_read_and_what_is_absent_has_its_default() {
    let default = CallerLimits::default();
    assert_eq!(parse(""), Ok(default.clone()));
    let off = CallerLimits { user: None, failures: None, ..default.clone() };
    assert_eq!(parse("off"), Ok(off.clone()));
    assert_eq!(parse(r#"{ "user": "off", "failures": "off" }"#), Ok(off));
    let header = HeaderName::from_static("x-forwarded-for");
    assert_eq!(
        parse(r#"{ "address_header": "X-Forwarded-For" }"#),
        Ok(CallerLimits { address_header: Some(header), ..default.clone() })
    );
    for (text, expected) in [
        (r#"{ "rate": "120/min" }"#, limit(500_000_000, 120)),
        (r#"{ "rate": "120/min", "burst": 60 }"#, limit(500_000_000, 60)),
        (r#"{ "rate": "7/s" }"#, limit(142_857_142, 7)),
        (r#"{ "rate": "1/hour" }"#, limit(3_600_000_000_000, 1)),
        (r#"{ "rate": "1000000/s" }"#, limit(1000, 1_000_000)),
        (r#"{ "day": 5000 }"#, Some(Limit { rate: None, day: Some(5000) })),
    ] {
        let parsed = parse(&format!(
            r#"{{ "client": {text}, "tools": {{ "greet": {text} }}, "kinds": {{ "agent": {text} }},
                  "actors": {{ "https://agent.example/": {text}, "other": "off" }} }}"#
        ));
        let named = [
            (LimitReason::Actor, "https://agent.example/"),
            (LimitReason::Kind, "agent"),
            (LimitReason::Tool, "greet"),
        ];
        let named = named.map(|(of, name)| (of, name.to_owned(), expected.unwrap())).to_vec();
        assert_eq!(
            parsed,
            Ok(CallerLimits { client: expected, named, ..default.clone() }),
            "{text}"
        );
    }
}

#[test]
fn whatever_is_wrong_is_named_by_its_member() {
    let rate = "is not like `120/min`: 1 to 1000000 per `s`, `min` or `hour`";
    let number = "is not a number from 1 to 1000000";
    for (text, problem) in [
        ("[]", "is neither `off` nor a JSON object without duplicate members".to_owned()),
        (r#"{ "user": "off", "user": "off" }"#, "is neither `off` nor a JSON object without duplicate members".to_owned()),
        (r#"{ "users": {} }"#, "has `users`, which is none of `user`, `client`, `organization`, `actors`, `kinds`, `tools`, `failures` and `address_header`".to_owned()),
        (r#"{ "user": {} }"#, "has `user`, which has neither `rate` nor `day`".to_owned()),
        (r#"{ "user": 7 }"#, "has `user`, which is neither an object nor `off`".to_owned()),
        (r#"{ "user": { "rates": "1/s" } }"#, "has `user.rates`, which is none of `rate`, `burst` and `day`".to_owned()),
        (r#"{ "user": { "burst": 7, "day": 1 } }"#, "has `user.burst`, which needs a `rate`".to_owned()),
        (r#"{ "client": { "rate": "0/s" } }"#, format!("has `client.rate`, which {rate}")),
        (r#"{ "client": { "rate": "1000001/s" } }"#, format!("has `client.rate`, which {rate}")),
        (r#"{ "client": { "rate": "1/day" } }"#, format!("has `client.rate`, which {rate}")),
        (r#"{ "client": { "rate": "+1/s" } }"#, format!("has `client.rate`, which {rate}")),
        (r#"{ "client": { "rate": "/s" } }"#, format!("has `client.rate`, which {rate}")),
        (r#"{ "client": { "rate": 7 } }"#, format!("has `client.rate`, which {rate}")),
        (r#"{ "failures": { "rate": "1/s", "burst": 0 } }"#, format!("has `failures.burst`, which {number}")),
        (r#"{ "organization": { "day": 1000001 } }"#, format!("has `organization.day`, which {number}")),
        (r#"{ "organization": { "day": 1.5 } }"#, format!("has `organization.day`, which {number}")),
        (r#"{ "address_header": "x forwarded" }"#, "has `address_header`, which is not the name of a header with addresses".to_owned()),
        (r#"{ "address_header": "Forwarded" }"#, "has `address_header`, which is not the name of a header with addresses".to_owned()),
        (r#"{ "address_header": 7 }"#, "has `address_header`, which is not the name of a header with addresses".to_owned()),
        (r#"{ "tools": [] }"#, "has `tools`, which is not an object".to_owned()),
        (r#"{ "tools": { "payroll": { "day": 1 } } }"#, "has `tools.payroll`, which is not a tool of this server".to_owned()),
        (r#"{ "kinds": { "robot": { "day": 1 } } }"#, "has `kinds.robot`, which is neither `user`, `agent` nor `machine`".to_owned()),
        (r#"{ "kinds": { "agent": {} } }"#, "has `kinds.agent`, which has neither `rate` nor `day`".to_owned()),
        (r#"{ "actors": "agent" }"#, "has `actors`, which is not an object".to_owned()),
        (r#"{ "actors": { "a": 7 } }"#, "has `actors.a`, which is neither an object nor `off`".to_owned()),
        (r#"{ "tools": { "greet": { "day": -1 } } }"#, format!("has `tools.greet.day`, which {number}")),
    ] {
        assert_eq!(parse(text), Err(problem), "{text}");
    }
}
