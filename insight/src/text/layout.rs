//! Lines of at most 80 columns: wrapped text, tables.

use super::width::FEWEST as WIDTH;

/// Adds a paragraph, wrapped. Lines behind the first begin with as many spaces as `indent` has characters.
pub(super) fn paragraph(out: &mut String, indent: &str, text: &str) {
    let mut line = indent.to_owned();
    let mut empty = true;
    for word in text.split_whitespace() {
        if !empty && width(&line) + 1 + width(word) > WIDTH {
            end(out, &line);
            line = " ".repeat(width(indent));
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    end(out, &line);
}

/// Adds a heading with an empty line above it.
pub(super) fn heading(out: &mut String, text: &str) {
    out.push('\n');
    out.push_str(text);
    out.push('\n');
}

/// A column of a table.
#[derive(Clone, Copy)]
pub(super) enum Column {
    /// Text on the left; what is longer than the room is cut.
    Left,
    /// Text on the left that is never cut.
    LeftFixed,
    /// Figures, on the right.
    Right,
}

/// Adds a table, indented by two. The first column of text shrinks so that the lines fit.
pub(super) fn table(out: &mut String, columns: &[Column], rows: &[Vec<String>]) {
    let mut widths: Vec<usize> = (0..columns.len())
        .map(|ix| rows.iter().filter_map(|row| row.get(ix)).map(|cell| width(cell)).max().unwrap_or(0))
        .collect();
    let all: usize = widths.iter().sum::<usize>() + 2 * columns.len();
    if let Some(first) = columns.iter().position(|column| matches!(column, Column::Left)) {
        widths[first] = widths[first].saturating_sub(all.saturating_sub(WIDTH)).max(8);
    }
    for row in rows {
        let mut line = String::new();
        for ((cell, column), width) in row.iter().zip(columns).zip(&widths) {
            line.push_str("  ");
            line.push_str(&match column {
                Column::Left | Column::LeftFixed => left(cell, *width),
                Column::Right => format!("{}{cell}", " ".repeat(width.saturating_sub(self::width(cell)))),
            });
        }
        end(out, &line);
    }
}

/// Text in `room` columns: cut with `…`, or filled with spaces.
pub(super) fn left(text: &str, room: usize) -> String {
    let text = printable(text);
    let has = width(&text);
    if has <= room {
        return format!("{text}{}", " ".repeat(room - has));
    }
    text.chars().take(room.saturating_sub(1)).chain(['…']).collect()
}

/// Without control characters, so that a name can't move the cursor of a terminal.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn width(text: &str) -> usize {
    text.chars().count()
}

fn end(out: &mut String, line: &str) {
    out.push_str(printable(line).trim_end());
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_wrapped_and_cells_are_cut_at_80_columns() {
        let mut out = String::new();
        paragraph(&mut out, "- ", &"word ".repeat(40));
        table(&mut out, &[Column::Left, Column::Right], &[vec!["x".repeat(100), "4.2 s".to_owned()]]);
        assert!(out.lines().all(|line| line.chars().count() <= WIDTH), "{out}");
        assert_eq!(out.lines().nth(1), Some(&*format!("  {}", "word ".repeat(15).trim_end())));
        assert!(out.ends_with("…  4.2 s\n"), "{out}");
    }

    #[test]
    fn a_name_cant_move_the_cursor() {
        assert_eq!(left("a\u{1b}[2Jb", 8), "a\u{fffd}[2Jb  ");
    }
}
