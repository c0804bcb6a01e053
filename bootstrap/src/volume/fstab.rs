//! Editing /etc/fstab as pure text: our two lines come and go, and every other byte stays.
//!
//! The file is seen as pieces *between* newlines, not as lines that end in one. So our lines can be put
//! into a file that has no final newline, and be taken out again, without a byte more or less.

use std::ffi::OsStr;
use std::fmt;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::mountinfo::unescape;

/// Boot goes on without the volume, and does not wait the usual 90 seconds for it.
const OPTIONS: &str = "defaults,nofail,x-systemd.device-timeout=30s";
/// What XFS needs to be mounted beside a copy of itself.
const NOUUID: &str = ",nouuid";
const MARK: &[u8] = b"# managed by vivarium: ";
const MARK_END: &[u8] = b" (do not edit)";

/// The entry that a volume should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The volume as its settings name it; only our comment carries it.
    pub volume: String,
    /// The filesystem's UUID.
    pub uuid: String,
    /// Where it is mounted.
    pub point: PathBuf,
    /// The filesystem's kind.
    pub filesystem: String,
    /// Let XFS be mounted beside a copy with the same UUID.
    pub nouuid: bool,
}

impl Entry {
    /// The line as it stands in the file.
    pub fn line(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }

    fn bytes(&self) -> Vec<u8> {
        let options = [OPTIONS, if self.nouuid { NOUUID } else { "" }].concat();
        let pass = if self.filesystem.starts_with("ext") { 2 } else { 0 };
        let mut line = format!("UUID={} ", self.uuid).into_bytes();
        line.extend(escape(self.point.as_os_str().as_bytes()));
        line.extend(format!(" {} {options} 0 {pass}", self.filesystem).into_bytes());
        line
    }

    /// Our comment has a line of its own: programs differ in what they take a comment after an entry for.
    fn comment(&self) -> Vec<u8> {
        [MARK, &escape(self.volume.as_bytes()), MARK_END].concat()
    }
}

/// What is to be done to the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Our entry is there and as it should be.
    AlreadyRight,
    /// Someone else's entry mounts the same filesystem at the same point. It is theirs to keep.
    Theirs(Line),
    /// There is no entry yet; this would be the file with it.
    Insert(Vec<u8>),
    /// Our entry is there but says something else; this would be the file with it put right.
    Replace {
        /// What it says.
        old: Line,
        /// The file put right.
        content: Vec<u8>,
    },
    /// Someone else's entries are in the way.
    Foreign(Vec<Line>),
}

/// A line of the file, for people to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Counted from 1, as editors do.
    pub number: usize,
    /// What it says.
    pub text: String,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.number, self.text)
    }
}

/// What must be done to this file so that it holds the wanted entry.
pub fn decide(file: &[u8], wanted: &Entry) -> Decision {
    let pieces = pieces(file);
    let ours = our_blocks(&pieces, |owner, entry| concerns(wanted, owner, entry));
    let others: Vec<(usize, Fields<'_>)> = others(&pieces, &ours).collect();
    let in_the_way: Vec<Line> = others
        .iter()
        .filter(|(_, entry)| conflicts(wanted, entry))
        .map(|(index, _)| line(&pieces, *index))
        .collect();
    if !in_the_way.is_empty() {
        return Decision::Foreign(in_the_way);
    }
    let theirs = others.iter().find(|(_, entry)| entry.point() == wanted.point);
    match (ours.as_slice(), theirs) {
        ([], Some((index, _))) => Decision::Theirs(line(&pieces, *index)),
        ([block], Some((index, _))) if block.len() == 1 => Decision::Theirs(line(&pieces, *index)),
        ([], None) => Decision::Insert(rebuilt(&pieces, &ours, Some(wanted))),
        ([block], _) if is_right(&pieces[block.clone()], wanted) => Decision::AlreadyRight,
        ([first, ..], _) => Decision::Replace {
            old: line(&pieces, first.end - 1),
            content: rebuilt(&pieces, &ours, Some(wanted)),
        },
    }
}

/// The file without any line of ours.
pub fn without_ours(file: &[u8]) -> Vec<u8> {
    let pieces = pieces(file);
    rebuilt(&pieces, &our_blocks(&pieces, |_, _| true), None)
}

/// Whether a block of ours speaks of the wanted volume, point or filesystem. Other volumes may have ours too.
fn concerns(wanted: &Entry, owner: &[u8], entry: Option<&Fields<'_>>) -> bool {
    owner == escape(wanted.volume.as_bytes())
        || entry.is_some_and(|entry| {
            entry.point() == wanted.point || entry.uuid().is_some_and(|uuid| same(&uuid, &wanted.uuid))
        })
}

/// An entry of someone else that would put another filesystem on our point, or ours on another point.
fn conflicts(wanted: &Entry, entry: &Fields<'_>) -> bool {
    let same_filesystem = entry.uuid().is_some_and(|uuid| same(&uuid, &wanted.uuid));
    same_filesystem != (entry.point() == wanted.point)
}

fn same(uuid: &[u8], wanted: &str) -> bool {
    uuid.eq_ignore_ascii_case(wanted.as_bytes())
}

fn is_right(block: &[&[u8]], wanted: &Entry) -> bool {
    let [comment, entry] = block else { return false };
    let wanted_line = wanted.bytes();
    trimmed(comment) == wanted.comment() && split(entry) == split(&wanted_line)
}

fn pieces(file: &[u8]) -> Vec<&[u8]> {
    file.split(|byte| *byte == b'\n').collect()
}

/// Where our lines are: our comment with our entry after it, or our comment alone.
fn our_blocks(pieces: &[&[u8]], wanted: impl Fn(&[u8], Option<&Fields<'_>>) -> bool) -> Vec<Range<usize>> {
    let mut blocks = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        let Some(owner) = owner(piece) else { continue };
        let entry = pieces.get(index + 1).and_then(|next| parse(next)).filter(Fields::written_by_us);
        if wanted(owner, entry.as_ref()) {
            blocks.push(index..index + 1 + usize::from(entry.is_some()));
        }
    }
    blocks
}

/// The volume that a comment of ours names.
fn owner(piece: &[u8]) -> Option<&[u8]> {
    trimmed(piece).strip_prefix(MARK)?.strip_suffix(MARK_END)
}

fn others<'a>(
    pieces: &'a [&'a [u8]],
    ours: &'a [Range<usize>],
) -> impl Iterator<Item = (usize, Fields<'a>)> + 'a {
    pieces
        .iter()
        .enumerate()
        .filter(|(index, _)| !ours.iter().any(|block| block.contains(index)))
        .filter_map(|(index, piece)| Some((index, parse(piece)?)))
}

fn line(pieces: &[&[u8]], index: usize) -> Line {
    Line { number: index + 1, text: String::from_utf8_lossy(trimmed(pieces[index])).into_owned() }
}

/// The file with the old blocks gone and the new one in the place of the first, or else at the end.
fn rebuilt(pieces: &[&[u8]], old: &[Range<usize>], new: Option<&Entry>) -> Vec<u8> {
    let block = new.map(|entry| vec![entry.comment(), entry.bytes()]).unwrap_or_default();
    let ends_in_newline = pieces.last().is_some_and(|last| last.is_empty());
    let end = pieces.len() - usize::from(ends_in_newline);
    let place = old.first().map_or(end, |first| first.start);
    let kept = |range: Range<usize>| {
        range.filter(|index| !old.iter().any(|block| block.contains(index))).map(|index| pieces[index])
    };
    let before = kept(0..place);
    let after = kept(place..pieces.len());
    before.chain(block.iter().map(Vec::as_slice)).chain(after).collect::<Vec<_>>().join(&b'\n')
}

/// The fields of an entry, as they are written.
#[derive(Debug, PartialEq, Eq)]
struct Fields<'a>(Vec<&'a [u8]>);

impl Fields<'_> {
    /// Whether nobody but us writes such an entry: it may be replaced. Our comment alone is no proof,
    /// since the line after it may have been deleted, and then the next one is someone else's.
    fn written_by_us(&self) -> bool {
        let options = self.0.get(3).and_then(|options| options.strip_prefix(OPTIONS.as_bytes()));
        self.uuid().is_some()
            && self.0.len() == 6
            && options.is_some_and(|more| more.is_empty() || more == NOUUID.as_bytes())
    }

    /// The UUID, where the entry names its filesystem by one.
    fn uuid(&self) -> Option<Vec<u8>> {
        let spec = unescape(self.0[0]);
        let uuid = spec.strip_prefix(b"UUID=").or_else(|| spec.strip_prefix(b"/dev/disk/by-uuid/"))?;
        Some(uuid.trim_ascii().iter().copied().filter(|byte| !b"\"'".contains(byte)).collect())
    }

    /// Where it is mounted. Paths compare by their parts, so `/anaconda/` is `/anaconda`.
    fn point(&self) -> PathBuf {
        Path::new(OsStr::from_bytes(&unescape(self.0[1]))).to_owned()
    }
}

/// An entry, or nothing: comments, blank lines and lines that no program would take for an entry.
fn parse(piece: &[u8]) -> Option<Fields<'_>> {
    let fields = split(piece);
    (fields.0.len() >= 2 && !fields.0[0].starts_with(b"#")).then_some(fields)
}

fn split(piece: &[u8]) -> Fields<'_> {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    Fields(trimmed(piece).split(is_blank).filter(|field| !field.is_empty()).collect())
}

/// Without white space around it; the carriage return of a file from elsewhere is such.
fn trimmed(piece: &[u8]) -> &[u8] {
    piece.trim_ascii()
}

fn escape(plain: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(plain.len());
    for byte in plain {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' | b'\\' => escaped.extend(format!("\\{byte:03o}").bytes()),
            _ => escaped.push(*byte),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "0f0e0d0c-0b0a-4908-8706-050403020100";
    const OTHER: &str = "11111111-2222-4333-8444-555555555555";

    fn wanted() -> Entry {
        Entry {
            volume: "vol-0123456789abcdef0".to_owned(),
            uuid: UUID.to_owned(),
            point: PathBuf::from("/anaconda"),
            filesystem: "ext4".to_owned(),
            nouuid: false,
        }
    }

    fn text(content: Vec<u8>) -> String {
        String::from_utf8(content).expect("text")
    }

    fn inserted(file: &str) -> String {
        match decide(file.as_bytes(), &wanted()) {
            Decision::Insert(content) => text(content),
            other => panic!("not an insertion: {other:?}"),
        }
    }

    fn replaced(file: &str) -> String {
        match decide(file.as_bytes(), &wanted()) {
            Decision::Replace { content, .. } => text(content),
            other => panic!("not a replacement: {other:?}"),
        }
    }

    #[test]
    fn the_entry_lets_boot_go_on_and_is_checked_after_the_root() {
        assert_eq!(
            inserted("LABEL=root / ext4 defaults 0 1\n"),
            format!(
                "LABEL=root / ext4 defaults 0 1\n# managed by vivarium: vol-0123456789abcdef0 (do not edit)\n\
                 UUID={UUID} /anaconda ext4 defaults,nofail,x-systemd.device-timeout=30s 0 2\n"
            )
        );
    }

    #[test]
    fn xfs_is_never_checked_at_boot_and_may_be_let_beside_its_copy() {
        let entry = Entry { filesystem: "xfs".to_owned(), nouuid: true, ..wanted() };
        assert!(entry.line().ends_with(" xfs defaults,nofail,x-systemd.device-timeout=30s,nouuid 0 0"));
    }

    #[test]
    fn a_file_without_a_final_newline_stays_one() {
        let content = inserted("tmpfs /tmp tmpfs defaults 0 0");
        assert!(content.starts_with("tmpfs /tmp tmpfs defaults 0 0\n# managed"), "{content}");
        assert!(content.ends_with(" 0 2"), "{content}");
        assert_eq!(text(without_ours(content.as_bytes())), "tmpfs /tmp tmpfs defaults 0 0");
    }

    #[test]
    fn a_point_with_a_space_is_escaped_and_found_again() {
        let entry = Entry { point: PathBuf::from("/my data"), ..wanted() };
        let Decision::Insert(content) = decide(b"", &entry) else { panic!("not an insertion") };
        assert!(text(content.clone()).contains(" /my\\040data ext4 "));
        assert_eq!(decide(&content, &entry), Decision::AlreadyRight);
    }

    #[test]
    fn our_line_with_another_uuid_is_put_right_where_it_stands() {
        let file = inserted("a /a ext4\n") + "/anaconda/x /x none bind 0 0\n";
        let old = file.replace(UUID, OTHER);
        assert_eq!(replaced(&old), file);
    }

    #[test]
    fn our_line_follows_the_volume_to_another_point() {
        let file = inserted("").replace(" /anaconda ", " /elsewhere ");
        assert_eq!(replaced(&file), inserted(""));
    }

    #[test]
    fn a_second_copy_of_our_lines_is_dropped() {
        let twice = inserted("") + &inserted("");
        assert_eq!(replaced(&twice), inserted(""));
    }

    #[test]
    fn our_lines_for_another_volume_stay() {
        let other = inserted("")
            .replace("vol-0123456789abcdef0", "vol-00000000000000000")
            .replace(UUID, OTHER)
            .replace("/anaconda", "/other");
        assert_eq!(inserted(&other), other.clone() + &inserted(""));
    }

    #[test]
    fn a_line_that_slid_up_to_our_comment_is_not_taken_for_ours() {
        let orphan =
            "# managed by vivarium: vol-0123456789abcdef0 (do not edit)\nLABEL=root / ext4 defaults 0 1\n";
        assert_eq!(replaced(orphan), inserted("") + "LABEL=root / ext4 defaults 0 1\n");
    }

    #[test]
    fn a_line_glued_to_ours_is_not_thrown_away() {
        let glued = inserted("x /x ext4") + "tmpfs /tmp tmpfs defaults 0 0\n";
        let Decision::Theirs(line) = decide(glued.as_bytes(), &wanted()) else { panic!("it was touched") };
        assert!(line.text.contains("2tmpfs"), "{line}");
    }

    #[test]
    fn another_filesystem_on_our_point_is_shown_with_its_line() {
        for spec in ["UUID=11111111-2222-4333-8444-555555555555", "/dev/nvme1n1", "LABEL=data", "nas:/export"]
        {
            let file = format!("# mine\n{spec}\t/anaconda/\text4\tdefaults\t0\t2\n");
            let Decision::Foreign(lines) = decide(file.as_bytes(), &wanted()) else { panic!("{spec}") };
            assert_eq!((lines.len(), lines[0].number), (1, 2), "{spec}");
            assert!(lines[0].text.starts_with(spec));
        }
    }

    #[test]
    fn our_filesystem_on_another_point_is_shown_with_its_line() {
        let file = format!("UUID={} /data ext4 defaults 0 2\n", UUID.to_uppercase());
        assert!(matches!(decide(file.as_bytes(), &wanted()), Decision::Foreign(_)));
    }

    #[test]
    fn someone_s_own_line_for_the_same_mount_is_kept() {
        for spec in [
            format!("UUID={UUID}"),
            format!("UUID=\"{}\"", UUID.to_uppercase()),
            format!("/dev/disk/by-uuid/{UUID}"),
        ] {
            let file = format!("{spec} /anaconda/ ext4 noatime,nofail 0 2\n");
            assert!(matches!(decide(file.as_bytes(), &wanted()), Decision::Theirs(_)), "{spec}");
        }
    }

    #[test]
    fn a_commented_line_is_in_nobody_s_way() {
        let file = " # /dev/sdf /anaconda ext4 defaults 0 2\n";
        assert_eq!(inserted(file), file.to_owned() + &inserted(""));
    }

    #[test]
    fn carriage_returns_put_in_by_an_editor_do_not_make_our_line_wrong() {
        let file = inserted("a /a ext4\n").replace('\n', "\r\n");
        assert_eq!(decide(file.as_bytes(), &wanted()), Decision::AlreadyRight);
    }

    #[test]
    fn a_volume_named_by_an_odd_path_cannot_break_out_of_our_comment() {
        let entry = Entry { volume: "/dev/x\nUUID=y /y ext4".to_owned(), ..wanted() };
        let Decision::Insert(content) = decide(b"", &entry) else { panic!("not an insertion") };
        assert_eq!(text(content.clone()).lines().count(), 2);
        assert_eq!(decide(&content, &entry), Decision::AlreadyRight);
    }
}
