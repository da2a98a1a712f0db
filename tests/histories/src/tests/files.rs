//! What the files say of each operation.

use std::fs;
use std::path::PathBuf;

use super::{lane, read, write};
use crate::operation::Place;
use crate::record::{Histories, Life, Record};

/// A record of one word or, of value 0, none.
fn record(kind: u8, outcome: u8, connection: u64, begun: u64, value: u64) -> Record {
    Record {
        begun,
        ended: begun + 5,
        connection,
        kind,
        outcome,
        words: if value == 0 { vec![] } else { vec![(8, value)] },
    }
}

/// What is known of each operation at address 8.
fn places(records: Vec<Record>, lives: &[(u64, u64)]) -> Vec<Place> {
    let mut histories = Histories {
        lanes: vec![lane("board", "one", records)],
        ..Histories::default()
    };
    let lives = lives.iter().map(|&(begun, ended)| Life { begun, ended });
    histories.lives.insert("board".to_owned(), lives.collect());
    let registers = histories.registers();
    let operations = &registers[&("board".to_owned(), 8)];
    operations.iter().map(|operation| operation.place).collect()
}

#[test]
fn a_post_is_pending_until_a_later_answer_on_its_connection() {
    let post = || record(3, 2, 1, 10, 7);
    let forever = Place::Unknown(u64::MAX);
    assert_eq!(places(vec![post()], &[]), [forever]);
    assert_eq!(places(vec![record(1, 0, 1, 0, 0), post()], &[]), [forever]);
    assert_eq!(places(vec![post(), record(1, 0, 2, 20, 0)], &[]), [forever]);
    assert_eq!(places(vec![post(), record(1, 0, 0, 20, 0)], &[]), [forever]);
    assert_eq!(places(vec![post(), record(2, 3, 1, 20, 0)], &[]), [forever]);
    let answers = [record(1, 0, 1, 20, 0), record(1, 1, 1, 20, 0)];
    for answer in answers {
        assert_eq!(places(vec![post(), answer], &[]), [Place::Certain(25)]);
    }
    let later = vec![post(), record(1, 0, 2, 15, 0), record(1, 0, 1, 20, 0)];
    assert_eq!(places(later, &[]), [Place::Certain(25)]);
}

#[test]
fn a_write_without_an_answer_is_pending_for_ever_or_as_long_as_its_server() {
    let open = || record(2, 3, 1, 10, 7);
    let later = || record(1, 0, 2, 20, 0);
    let forever = Place::Unknown(u64::MAX);
    assert_eq!(places(vec![open()], &[(0, 50)]), [forever]);
    assert_eq!(places(vec![open(), later()], &[]), [forever]);
    let bounded = places(vec![open(), record(1, 0, 1, 20, 0)], &[]);
    assert_eq!(bounded, [Place::Unknown(25)]);
    let killed = |lives: &[_]| places(vec![open(), later()], lives);
    assert_eq!(killed(&[(0, 50), (60, u64::MAX)]), [Place::Unknown(50)]);
    assert_eq!(killed(&[(0, 15), (18, 70), (80, 90)]), [Place::Unknown(70)]);
    assert_eq!(killed(&[(0, 15), (18, u64::MAX)]), [forever]);
}

#[test]
fn what_was_refused_was_not_carried_out() {
    assert_eq!(places(vec![record(2, 1, 1, 10, 7)], &[]), [Place::Never]);
}

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("histories-{name}-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn bytes() -> Vec<u8> {
    let mut bytes = b"RIMHIST1".to_vec();
    bytes.extend([&b"board"[..], &[0; 19], b"one", &[0; 29]].concat());
    for (kind, outcome, begun) in [(2u8, 0u8, 10u64), (1, 0, 20)] {
        bytes.extend([begun, begun + 5, 1].iter().flat_map(|n| n.to_ne_bytes()));
        bytes.extend(1u32.to_ne_bytes());
        bytes.extend([kind, outcome, 0, 0]);
        bytes.extend([8u64, 7].iter().flat_map(|n| n.to_ne_bytes()));
    }
    bytes
}

#[test]
fn files_are_read() {
    let folder = Folder::new("read");
    fs::write(folder.0.join("one.history"), bytes()).unwrap();
    fs::write(folder.0.join("lives"), "board 1 30\nboard 40 0\n").unwrap();
    let histories = Histories::read(&folder.0).unwrap();
    assert_eq!(histories.lanes[0].server, "board");
    assert_eq!(histories.lanes[0].name, "one");
    assert_eq!(histories.lives["board"][1].ended, u64::MAX);
    let operations = &histories.registers()[&("board".to_owned(), 8)];
    assert_eq!(operations[..], [write(7, 10, 15), read(7, 20, 25)]);
}

#[test]
fn half_files_are_refused() {
    let folder = Folder::new("half");
    let path = folder.0.join("one.history");
    let whole = bytes();
    let (header, record) = (64, 48);
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let read = Histories::read(&folder.0).is_ok();
        assert_eq!(
            read,
            length >= header && (length - header) % record == 0,
            "{length}"
        );
    }
}
