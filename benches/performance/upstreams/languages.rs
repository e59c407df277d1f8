//! The first call of a new instance, by the language of a tool component. The server's instance is
//! new as well, in both calls that are compared.

use doorward_dev::{Application, Reuse, StackOptions};
use serde_json::{Value, json};

use super::{COUNTED, TEXT, examples};
use crate::{
    bench::Bench,
    compare::Rounds,
    load::{Round, Until},
    report::Line,
    subject::{GREETING, OWNER, On, Subject},
};

/// A tool of `examples/tools`, and the built-in one that it is compared with.
struct Language {
    name: &'static str,
    folder: &'static str,
    tool: &'static str,
    arguments: fn() -> Value,
    /// What its answer contains.
    contains: &'static str,
    built_in: &'static str,
    /// What the answer of the built-in tool contains.
    built_in_contains: &'static str,
}

const SUCCESS: &str = "\"isError\":false";

const LANGUAGES: [Language; 3] = [
    Language {
        name: "Rust",
        folder: "rust",
        tool: "text_word_count",
        arguments: || json!({ "text": TEXT }),
        contains: COUNTED,
        built_in: "greet",
        built_in_contains: GREETING,
    },
    Language {
        name: "JavaScript",
        folder: "javascript",
        tool: "color_contrast",
        arguments: || json!({ "text": "#777777", "background": "#ffffff" }),
        contains: "4.48 to 1",
        built_in: "greet",
        built_in_contains: GREETING,
    },
    Language {
        name: "Python",
        folder: "python",
        tool: "calendar_next_event",
        arguments: || json!({}),
        contains: SUCCESS,
        built_in: "calendar_summary",
        built_in_contains: SUCCESS,
    },
];

/// One line for each language. A line says if its component cannot be built on this machine.
///
/// # Errors
/// Returns a message if a component is built but does not answer as it should.
pub(super) async fn measure(on: On, bench: &Bench) -> Result<Vec<Line>, String> {
    let mut lines = Vec::new();
    for language in &LANGUAGES {
        let Language { name, tool, built_in, .. } = language;
        let line = Line {
            what: format!(
                "first call of new instances, {name} (`{tool}`), beside `{built_in}`: median"
            ),
            on: on.to_string(),
            ..Line::default()
        };
        lines.push(match Application::build(&examples(language.folder), "").await {
            Ok(application) => first_calls(language, line, application, on, bench).await?,
            Err(error) => {
                let reason = error.to_string();
                eprintln!("NOT MEASURED: the tool in {name} does not build.\n{reason}");
                let first = reason.lines().next().unwrap_or_default();
                Line { doorward: format!("**missing**: {first}"), ..line }
            }
        });
    }
    Ok(lines)
}

async fn first_calls(
    language: &Language,
    line: Line,
    application: Application,
    on: On,
    bench: &Bench,
) -> Result<Line, String> {
    let options = StackOptions {
        manifest: Some(application.manifest()),
        component: Some(bench.components.doorward()),
        permissions: application.permissions(),
        // Starts new instances for every request.
        reuse: Reuse { requests: 1, ..Reuse::default() },
        ..StackOptions::default()
    };
    let subject = Subject::start_with(on, options, &[]).await?;
    let (own, built_in) =
        (format!("tool:{}", language.tool), format!("tool:{}", language.built_in));
    let token = subject.token_for(OWNER, &[&own, &built_in])?;
    let call = subject.call_with(&token, language.tool, (language.arguments)());
    let loads = [
        subject.load(vec![subject.call(&token, language.built_in)], language.built_in_contains),
        subject.load(vec![call], language.contains),
    ];
    let until = Until::Requests(bench.options.of(100, 20));
    let rounds = Rounds::run(&loads, 1, until, bench.options.rounds()).await?;
    let more = rounds.both(0, 1, |built_in, own| own.median() - built_in.median());
    Ok(Line {
        beside: rounds.of(0, Round::median).show(2, " ms"),
        doorward: rounds.of(1, Round::median).show(2, " ms"),
        compared: more.show(2, " ms more"),
        ..line
    })
}
