//! Finds the forms of an HTML page and fills them in.

use html5gum::{StartTag, Token, Tokenizer};
use url::Url;

/// A form of a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Form {
    /// The form's `action` attribute.
    action: String,
    /// Whether the form's method is POST.
    pub(super) post: bool,
    fields: Vec<Field>,
    buttons: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Field {
    name: String,
    kind: String,
    value: String,
}

/// Finds all forms of a page, in order.
pub(super) fn forms(html: &str) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    let mut open = false;
    for Ok(token) in Tokenizer::new(html) {
        match token {
            Token::StartTag(tag) if *tag.name == b"form" => {
                let post = attribute(&tag, "method")
                    .is_some_and(|method| method.eq_ignore_ascii_case("post"));
                forms.push(Form {
                    action: attribute(&tag, "action").unwrap_or_default(),
                    post,
                    ..Form::default()
                });
                open = true;
            }
            Token::EndTag(tag) if *tag.name == b"form" => open = false,
            Token::StartTag(tag) => {
                if let (true, Some(form)) = (open, forms.last_mut()) {
                    form.add(&tag);
                }
            }
            _ => {}
        }
    }
    forms
}

impl Form {
    /// Resolves the form's action against the URL of its page.
    pub(super) fn target(&self, page: &Url) -> Result<Url, url::ParseError> {
        if self.action.is_empty() { Ok(page.clone()) } else { page.join(&self.action) }
    }

    /// Fills in the email address and the password. Returns false if the form lacks such fields.
    pub(super) fn sign_in(&mut self, who: &str, password: &str) -> bool {
        let mut fill = |kinds: &[&str], value: &str| {
            let field = self.fields.iter_mut().find(|field| kinds.contains(&field.kind.as_str()));
            field.map(|field| value.clone_into(&mut field.value)).is_some()
        };
        fill(&["email", "text"], who) && fill(&["password"], password)
    }

    /// Finds the name and value of the button that gives consent.
    pub(super) fn consent(&self) -> Option<&(String, String)> {
        let accepts = |(_, value): &&(String, String)| {
            ["accept", "allow", "approve", "yes", "true"]
                .contains(&value.to_ascii_lowercase().as_str())
        };
        self.buttons.iter().find(accepts)
    }

    /// Returns the fields to send, including the pressed button.
    pub(super) fn submission(&self, button: Option<&(String, String)>) -> Vec<(String, String)> {
        let fields = self.fields.iter().map(|field| (field.name.clone(), field.value.clone()));
        fields.chain(button.cloned()).collect()
    }

    fn add(&mut self, tag: &StartTag<()>) {
        let kind = attribute(tag, "type").unwrap_or_default().to_ascii_lowercase();
        let Some(name) = attribute(tag, "name") else {
            return;
        };
        let value = attribute(tag, "value");
        match (&**tag.name, kind.as_str()) {
            (b"button", "" | "submit") | (b"input", "submit") => {
                self.buttons.push((name, value.unwrap_or_default()))
            }
            (b"input", "checkbox" | "radio") if attribute(tag, "checked").is_some() => {
                self.fields.push(Field {
                    name,
                    kind,
                    value: value.unwrap_or_else(|| "on".to_owned()),
                });
            }
            (b"input", "checkbox" | "radio" | "button" | "reset" | "file" | "image") => {}
            (b"input", _) => {
                let kind = if kind.is_empty() { "text".to_owned() } else { kind };
                self.fields.push(Field { name, kind, value: value.unwrap_or_default() });
            }
            _ => {}
        }
    }
}

fn attribute(tag: &StartTag<()>, name: &str) -> Option<String> {
    tag.attributes
        .get(name.as_bytes())
        .map(|value| String::from_utf8_lossy(&value.value).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGN_IN: &str = r#"<!doctype html><input name="outside" value="x">
        <form method="POST" action="/u/login?state=a&amp;b=1">
          <input type="hidden" name="state" value="&quot;1&quot;"/>
          <label>Email <input type="email" name="username" autofocus></label>
          <input type=password name=password>
          <input type="checkbox" name="remember" checked><input type="checkbox" name="other">
          <button type="submit" name="action" value="default">Continue</button>
        </form>"#;

    const CONSENT: &str = r#"<form action="" method="post"><input type="hidden" name="state" value="s">
        <button name="decision" value="deny">No</button><button name="decision" value="accept">Yes</button></form>"#;

    fn pairs(form: &Form, button: Option<&(String, String)>) -> Vec<(String, String)> {
        form.submission(button)
    }

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_filled_in_form_sends_its_hidden_fields_too() {
        let mut form = forms(SIGN_IN).remove(0);
        assert!(form.post);
        assert!(form.sign_in("owner@example.com", "secret"));
        let expected = [
            ("state", "\"1\""),
            ("username", "owner@example.com"),
            ("password", "secret"),
            ("remember", "on"),
        ];
        assert_eq!(pairs(&form, None), owned(&expected));
    }

    #[test]
    fn the_action_is_relative_to_the_page() {
        let page = Url::parse("http://127.0.0.1:4000/u/consent?state=s").expect("a URL");
        let target = |html: &str| forms(html).remove(0).target(&page).expect("a URL").to_string();
        assert_eq!(target(SIGN_IN), "http://127.0.0.1:4000/u/login?state=a&b=1");
        assert_eq!(target(CONSENT), page.to_string());
    }

    #[test]
    fn consent_presses_the_button_that_accepts() {
        let form = forms(CONSENT).remove(0);
        let button = form.consent().expect("a button that accepts");
        assert_eq!(pairs(&form, Some(button)), owned(&[("state", "s"), ("decision", "accept")]));
    }

    #[test]
    fn a_form_without_a_password_is_not_a_sign_in_form() {
        assert!(!forms(CONSENT).remove(0).sign_in("a", "b"));
    }

    #[test]
    fn a_page_may_have_no_form() {
        assert_eq!(forms("<p>Not found <input name='a'>"), []);
    }
}
