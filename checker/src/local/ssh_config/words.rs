//! The lines of an `ssh_config`: a keyword, and words behind it that may stand in quotes.

/// A line that says something.
pub(super) struct Line {
    /// Counted from 1.
    pub(super) number: usize,
    /// In lower case.
    pub(super) keyword: String,
    /// All that follows, as it stands.
    pub(super) rest: String,
    words: Vec<String>,
}

impl Line {
    /// What follows, word by word, without quotes.
    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(String::as_str)
    }
}

/// The lines that say something, or the number of one that cannot be read, and why.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Result<Line, (usize, String)>> {
    let numbered = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    let meant = numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    meant.map(|(number, line)| parsed(number, line).map_err(|why| (number, why)))
}

fn parsed(number: usize, line: &str) -> Result<Line, String> {
    let ends = line.find(|letter: char| letter.is_whitespace() || letter == '=').unwrap_or(line.len());
    let (keyword, rest) = line.split_at(ends);
    // One "=" may stand between, with spaces on both sides.
    let rest = rest.trim_start();
    let rest = rest.strip_prefix('=').unwrap_or(rest).trim_start();
    let words = split(rest)?;
    if keyword.is_empty() {
        return Err("there is no keyword".to_owned());
    }
    Ok(Line { number, keyword: keyword.to_lowercase(), rest: rest.to_owned(), words })
}

/// Words between spaces; one in quotes may have spaces; a `#` before a word begins a comment.
fn split(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() && !rest.starts_with('#') {
        let (word, behind) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').ok_or("a quote is not closed")?,
            None => rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())),
        };
        words.push(word.to_owned());
        rest = behind.trim_start();
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_keyword_and_words() {
        for (line, keyword, words) in [
            ("Host a b", "host", &["a", "b"][..]),
            ("HostName=10.0.0.1", "hostname", &["10.0.0.1"]),
            ("  Port = 2222 # odd", "port", &["2222"]),
            ("IdentityFile \"/my keys/a\" b", "identityfile", &["/my keys/a", "b"]),
            ("User", "user", &[]),
        ] {
            let read = lines(line).next().expect("a line").unwrap_or_else(|why| panic!("{why:?}"));
            assert_eq!((read.keyword.as_str(), read.words().collect::<Vec<_>>()), (keyword, words.to_vec()));
        }
    }

    #[test]
    fn comments_say_nothing_and_open_quotes_are_told_by_their_line() {
        assert_eq!(lines("# a\n\n   \n").count(), 0);
        let (number, why) = lines("Host a\nUser \"b").nth(1).expect("a line").err().expect("an error");
        assert_eq!((number, why.as_str()), (2, "a quote is not closed"));
    }
}
