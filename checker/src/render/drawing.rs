//! The way as a drawing: stations from top to bottom, the way there on the left, the way back beside it. Narrow
//! enough for a phone, so that nothing has to be laid out twice.

use super::html::escaped;
use crate::explain::{Mark, Path, Station};

const WIDTH: usize = 360;
/// Where the two ways run, and where words begin.
const THERE: usize = 24;
const BACK: usize = 54;
const WORDS: usize = 82;
/// The height of a station without a note, and of one line of a note.
const STATION: usize = 52;
const LINE: usize = 17;
/// Where the first station stands.
const TOP: usize = 60;
/// What fits between the words' beginning and the edge. Both are in a face whose letters are all as wide, so that this
/// holds with whatever face the reader has.
const NAME_LETTERS: usize = 33;
const NOTE_LETTERS: usize = 38;

/// A station with its place.
struct Placed<'a> {
    station: &'a Station,
    y: usize,
    note: Vec<String>,
}

/// One `svg` element.
pub fn drawing(path: &Path) -> String {
    let (placed, height) = placed(path);
    let mut drawn = format!(
        "<svg class=\"way\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}\">\n",
        escaped(&in_words(path))
    );
    drawn += &heading();
    drawn += &ways(&placed);
    drawn.extend(placed.iter().map(station));
    drawn + "</svg>\n"
}

fn placed(path: &Path) -> (Vec<Placed<'_>>, usize) {
    let mut y = TOP;
    let mut all = Vec::new();
    for station in &path.stations {
        let note = station.note.as_ref().map(|note| wrapped(note, NOTE_LETTERS)).unwrap_or_default();
        let height = STATION + note.len() * LINE + if note.is_empty() { 0 } else { 6 };
        all.push(Placed { station, y, note });
        y += height;
    }
    (all, y - 8)
}

/// What somebody hears who does not see it.
fn in_words(path: &Path) -> String {
    let blocked = path.stations.iter().filter(|station| {
        [station.forward, station.back].iter().any(|mark| matches!(mark, Mark::Blocked | Mark::Partly))
    });
    let names: Vec<String> = blocked.map(|row| format!("{} {}", row.what, row.name)).collect();
    let stations = path.stations.len();
    if names.is_empty() {
        format!("The way through {stations} stations; none is known to block")
    } else {
        format!("The way through {stations} stations; blocked at {}", names.join(", "))
    }
}

fn heading() -> String {
    let arrow = |x: usize, up: bool| {
        let (from, to, wing) = if up { (26, 12, 17) } else { (12, 26, 21) };
        let (left, right) = (x - 5, x + 5);
        format!("<path class=\"arrow\" d=\"M{x} {from}V{to}M{left} {wing}L{x} {to}L{right} {wing}\"/>\n")
    };
    let words = format!("<text class=\"what\" x=\"{WORDS}\" y=\"23\">there, and back</text>\n");
    arrow(THERE, false) + &arrow(BACK, true) + &words
}

/// Both lines, solid as far as a packet is known to come.
fn ways(placed: &[Placed]) -> String {
    let ends = |mark: Mark| matches!(mark, Mark::Blocked | Mark::Unknown);
    // The host and its service come last: where nobody asked them, the reply is drawn for one that they give.
    let gates = &placed[..placed.len().saturating_sub(2)];
    let blocked = placed.iter().any(|one| one.station.forward == Mark::Blocked);
    let arrives = !blocked && !gates.iter().any(|one| ends(one.station.forward));
    let mut drawn = String::new();
    for (index, pair) in placed.windows(2).enumerate() {
        let there = !placed[..=index].iter().any(|one| ends(one.station.forward));
        let back = there && arrives && !placed[index + 1..].iter().any(|one| ends(one.station.back));
        for (x, comes) in [(THERE, there), (BACK, back)] {
            let class = if comes { "comes" } else { "lost" };
            drawn += &format!("<path class=\"{class}\" d=\"M{x} {}V{}\"/>\n", pair[0].y, pair[1].y);
        }
    }
    drawn
}

fn station(one: &Placed) -> String {
    let Placed { station, y, note } = one;
    let marks = [station.forward, station.back];
    let why = if marks.contains(&Mark::Blocked) {
        "bad"
    } else if marks.contains(&Mark::Partly) {
        "some"
    } else {
        "what"
    };
    let name = shortened(&station.name);
    let class = if why == "bad" { "name bad" } else { "name" };
    let mut drawn = mark(THERE, *y, station.forward) + &mark(BACK, *y, station.back);
    let (above, below) = (y - 3, y + 14);
    drawn += &format!("<text class=\"what\" x=\"{WORDS}\" y=\"{above}\">{}</text>\n", escaped(station.what));
    drawn += &format!("<text class=\"{class}\" x=\"{WORDS}\" y=\"{below}\">{}</text>\n", escaped(&name));
    for (index, line) in note.iter().enumerate() {
        let y = y + 33 + index * LINE;
        drawn += &format!("<text class=\"note {why}\" x=\"{WORDS}\" y=\"{y}\">{}</text>\n", escaped(line));
    }
    drawn
}

/// A mark is told by its shape as well as by its colour.
fn mark(x: usize, y: usize, mark: Mark) -> String {
    let disc = |class: &str, sign: &str| {
        format!(
            "<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"10\"/><path class=\"sign\" transform=\"translate({x} {y})\" d=\"{sign}\"/>\n"
        )
    };
    match mark {
        Mark::Passes => disc("passes", "M-4.5 .5L-1.2 3.8L4.5 -3.2"),
        Mark::Blocked => disc("blocked", "M-4 -4L4 4M4 -4L-4 4"),
        Mark::Partly => disc("partly", "M-5 1.5Q-2.5 -3.5 0 0T5 -1.5"),
        Mark::Unknown => format!(
            "<circle class=\"unknown\" cx=\"{x}\" cy=\"{y}\" r=\"10\"/><text class=\"ask\" x=\"{x}\" y=\"{}\">?</text>\n",
            y + 5
        ),
        Mark::None => format!("<circle class=\"none\" cx=\"{x}\" cy=\"{y}\" r=\"4\"/>\n"),
    }
}

/// The ends of a name tell more than its middle.
fn shortened(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    if letters.len() <= NAME_LETTERS {
        return name.to_owned();
    }
    let half = (NAME_LETTERS - 1) / 2;
    let (start, end) = (letters[..half].iter(), letters[letters.len() - half..].iter());
    start.chain(['…'].iter()).chain(end).collect()
}

/// Lines of words; a word that is longer than a line is cut.
fn wrapped(text: &str, letters: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace().flat_map(|word| pieces(word, letters)) {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= letters => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}

fn pieces(word: &str, letters: usize) -> Vec<String> {
    let all: Vec<char> = word.chars().collect();
    all.chunks(letters).map(|piece| piece.iter().collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_a_note_is_longer_than_the_drawing_is_wide() {
        let long = format!("a word and {} and more words after it, to the end", "x".repeat(100));
        let lines = wrapped(&long, 20);
        assert!(lines.iter().all(|line| line.chars().count() <= 20), "{lines:?}");
        let letters = |text: &str| text.chars().filter(|letter| !letter.is_whitespace()).count();
        assert_eq!(lines.iter().map(|line| letters(line)).sum::<usize>(), letters(&long));
    }

    #[test]
    fn a_long_name_keeps_both_its_ends() {
        let short = shortened("mydb.abcdefghijkl.eu-west-1.rds.amazonaws.com");
        assert_eq!(short.chars().count(), NAME_LETTERS);
        assert!(short.starts_with("mydb.") && short.ends_with("amazonaws.com"), "{short}");
    }
}
