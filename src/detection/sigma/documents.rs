//! Which YAML documents do the files of a folder hold? With `action: global`, `repeat` and `reset` carried out.
//!
//! A file may hold several documents; one that says `action: global` is no rule but part of all that follow
//! in its file. At most 20,000 files of 1 MB are read, at most eight folders deep.

use std::path::Path;

use crate::posture::Problem;
use crate::posture::document::{Key, Located, MAX_BYTES_OF_MANY, Node, read_all};

/// Files read at most.
const MAX_FILES: usize = 20_000;
/// How deep folders are looked into.
const MAX_DEPTH: usize = 8;

/// A document of a file.
#[derive(Clone, Debug)]
pub(super) struct Document {
    pub(super) file: String,
    pub(super) tree: Located,
}

/// Reads the `.yml` and `.yaml` files of `folder`, or `folder` itself if it is a file; what can't be read is a problem.
pub(super) fn of_folder(folder: &Path, problems: &mut Vec<Problem>) -> Vec<(String, String)> {
    let mut files = Vec::new();
    if folder.is_file() {
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        read(folder, &name, &mut files, problems);
    } else {
        walk(folder, "", 0, &mut files, problems);
    }
    files.sort();
    files
}

fn walk(folder: &Path, prefix: &str, depth: usize, files: &mut Vec<(String, String)>, problems: &mut Vec<Problem>) {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            let says = format!("The folder of Sigma rules can't be read: {error}. Check the path and its permissions.");
            problems.push(Problem { file: folder.display().to_string(), line: 0, says });
            return;
        }
    };
    for entry in entries.flatten() {
        if files.len() >= MAX_FILES {
            let says = format!("There are more than {MAX_FILES} files; the rest is left out. Split the folder.");
            problems.push(Problem { file: folder.display().to_string(), line: 0, says });
            return;
        }
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let is_yaml = path
            .extension()
            .is_some_and(|extension| ["yml", "yaml"].iter().any(|one| extension.eq_ignore_ascii_case(one)));
        if path.is_dir() && depth < MAX_DEPTH {
            walk(&path, &format!("{prefix}{name}/"), depth + 1, files, problems);
        } else if is_yaml && path.is_file() {
            read(&path, &format!("{prefix}{name}"), files, problems);
        }
    }
}

fn read(path: &Path, name: &str, files: &mut Vec<(String, String)>, problems: &mut Vec<Problem>) {
    let too_large = std::fs::metadata(path).is_ok_and(|about| about.len() > MAX_BYTES_OF_MANY as u64);
    let read = if too_large {
        Err(format!("The file is larger than {} KB. Split it.", MAX_BYTES_OF_MANY / 1024))
    } else {
        std::fs::read_to_string(path).map_err(|error| format!("The file can't be read: {error}."))
    };
    match read {
        Ok(text) => files.push((name.to_owned(), text)),
        Err(says) => problems.push(Problem { file: name.to_owned(), line: 0, says }),
    }
}

/// Returns the documents of `text`, global parts put in.
///
/// # Errors
///
/// Returns the place where the text stops being YAML.
pub(super) fn of_text(file: &str, text: &str) -> Result<Vec<Document>, Problem> {
    let mut documents = Vec::new();
    let mut global: Option<Located> = None;
    let mut previous: Option<Located> = None;
    for mut tree in read_all(file, text)? {
        if tree.node == Node::Null {
            continue;
        }
        match take_action(&mut tree).as_deref() {
            Some("global") => {
                global = Some(match global {
                    Some(known) => merge(known, tree),
                    None => tree,
                });
                continue;
            }
            Some("reset") => {
                global = None;
                continue;
            }
            Some("repeat") => {
                if let Some(previous) = previous.clone() {
                    tree = merge(previous, tree);
                }
            }
            _ => {
                if let Some(global) = global.clone() {
                    tree = merge(global, tree);
                }
            }
        }
        previous = Some(tree.clone());
        documents.push(Document { file: file.to_owned(), tree });
    }
    Ok(documents)
}

/// Takes the `action` of a document out of it.
fn take_action(tree: &mut Located) -> Option<String> {
    let Node::Map(entries) = &mut tree.node else { return None };
    let at = entries.iter().position(|(key, _)| key.text == "action")?;
    match entries.remove(at).1.node {
        Node::Text(action) => Some(action.to_ascii_lowercase()),
        _ => None,
    }
}

/// Returns `base` with what `over` says put into it, maps within maps too.
fn merge(base: Located, over: Located) -> Located {
    let line = over.line;
    match (base.node, over.node) {
        (Node::Map(mut base), Node::Map(over)) => {
            for (key, value) in over {
                match base.iter().position(|(known, _): &(Key, Located)| known.text == key.text) {
                    Some(at) => {
                        let (known, under) = base.remove(at);
                        base.insert(at, (known, merge(under, value)));
                    }
                    None => base.push((key, value)),
                }
            }
            Located { line, node: Node::Map(base) }
        }
        (_, node) => Located { line, node },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let canonical = |document: &Document| {
            let mut out = String::new();
            document.tree.node.canonical(&mut out);
            out.replace('"', "")
        };
        of_text("a.yml", text).unwrap().iter().map(canonical).collect()
    }

    #[test]
    fn a_global_part_is_put_into_all_that_follow() {
        let text =
            "action: global\ntitle: t\nx: {a: 1}\n---\nx: {b: 2}\n---\ntitle: u\n---\naction: reset\n---\ny: 1\n";
        assert_eq!(shown(text), ["{title:t,x:{a:1,b:2,},}", "{title:u,x:{a:1,},}", "{y:1,}"]);
    }

    #[test]
    fn a_repeated_document_is_the_one_before_with_changes() {
        assert_eq!(shown("a: 1\nb: 2\n---\naction: repeat\nb: 3\n---\n"), ["{a:1,b:2,}", "{a:1,b:3,}"]);
    }
}
