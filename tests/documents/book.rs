//! The pages in `docs/` are a book: `docs/SUMMARY.md` names each of them, once.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use super::{collect_files, read};

const SUMMARY: &str = "SUMMARY.md";

/// The pages below `docs/`, by the paths that the summary has for them.
fn pages() -> BTreeSet<String> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let mut files = Vec::new();
    collect_files(&docs, &mut files);
    let paths = files.iter().filter_map(|(path, _)| Path::new(path).strip_prefix(&docs).ok());
    let names = paths.map(|path| path.to_string_lossy().replace('\\', "/"));
    names.filter(|name| name.ends_with(".md") && name != SUMMARY).collect()
}

/// The pages that the summary names, and how often.
fn named() -> BTreeMap<String, usize> {
    let mut named = BTreeMap::new();
    let summary = read("docs/SUMMARY.md");
    for (target, _) in summary.split("](").skip(1).filter_map(|rest| rest.split_once(')')) {
        *named.entry(target.to_owned()).or_default() += 1;
    }
    named
}

#[test]
fn the_summary_names_every_page_once_and_no_other() {
    let (pages, named) = (pages(), named());
    for page in &pages {
        assert!(
            named.contains_key(page),
            "docs/{SUMMARY} does not name docs/{page}, so readers of the book do not find it: add the line \
             `- [Its title]({page})` where it belongs"
        );
    }
    for (page, count) in named {
        assert!(pages.contains(&page), "docs/{SUMMARY} names {page}, which is not below docs/");
        assert_eq!(count, 1, "docs/{SUMMARY} names {page} {count} times");
    }
}

/// The title of a page is what the browser's tab and the search show.
#[test]
fn every_page_begins_with_its_title_and_has_no_other() {
    for page in pages() {
        let text = read(&format!("docs/{page}"));
        let mut is_code = false;
        let titles = text.lines().filter(|line| {
            is_code ^= line.trim_start().starts_with("```");
            !is_code && line.starts_with("# ")
        });
        assert!(text.starts_with("# "), "docs/{page} does not begin with its title");
        assert_eq!(titles.count(), 1, "docs/{page} has more than one title");
    }
}
