//! Pages for people: plain HTML with one style and no script.

use std::fmt::{self, Write};

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{StatusCode, header};
use sha2::{Digest, Sha256};

use super::Answer;

const STYLE: &str = include_str!("page.css");

/// Displays text so that it is safe in HTML, also inside of a quoted attribute.
pub struct Escaped<'a>(pub &'a str);

/// A page: its title, and the inside of its `main`.
#[must_use]
pub fn page(status: StatusCode, title: &str, main: &str) -> Answer {
    let title = Escaped(title);
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{main}\n</main>\n</body>\n</html>\n"
    );
    // The page loads, sends and frames nothing, and no other style applies than the one above.
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'",
        BASE64_STANDARD.encode(Sha256::digest(STYLE))
    );
    Answer::html(status, html)
        .with(header::CONTENT_SECURITY_POLICY, &policy)
        .with(header::X_FRAME_OPTIONS, "DENY")
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_markup() {
        let hostile = "</title><script>alert('1')</script> \"&amp;";
        assert_eq!(
            Escaped(hostile).to_string(),
            "&lt;/title&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &quot;&amp;amp;"
        );
        let page = page(StatusCode::OK, hostile, "");
        let html = std::str::from_utf8(page.body().unwrap()).unwrap().to_owned();
        assert!(!html.contains("<script"), "{html}");
    }

    #[test]
    fn the_policy_allows_the_style_of_the_page_and_nothing_else() {
        let page = page(StatusCode::OK, "Title", "<h1>Title</h1>");
        let html = std::str::from_utf8(page.body().unwrap()).unwrap();
        let (_, rest) = html.split_once("<style>").unwrap();
        let (style, _) = rest.split_once("</style>").unwrap();
        let hash = BASE64_STANDARD.encode(Sha256::digest(style));
        assert_eq!(
            page.header(&header::CONTENT_SECURITY_POLICY).unwrap(),
            format!(
                "default-src 'none'; style-src 'sha256-{hash}'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
            )
        );
        assert_eq!(page.header(&header::X_FRAME_OPTIONS), Some("DENY"));
    }
}
