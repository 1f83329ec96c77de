//! Removing from text what a terminal would act on instead of show.

/// `text` on one line, without control characters: line breaks and tabs become spaces, everything else that steers a
/// terminal (escape sequences' ESC, C1 controls, changes of the writing direction) is dropped.
///
/// Names, keys and messages come from guests and their callers; in a table they must not recolour the screen, retitle
/// the window or fake another row.
pub(crate) fn line(text: &str) -> String {
    text.chars().map(|c| if matches!(c, '\n' | '\r' | '\t') { ' ' } else { c }).filter(|c| !steers(*c)).collect()
}

/// The same as [`line`], keeping line feeds; for text that was laid out here, such as indented JSON.
pub(crate) fn block(text: &str) -> String {
    text.chars().filter(|c| *c == '\n' || !steers(*c)).collect()
}

/// JSON `text` with such characters written as `\uXXXX`: the same document for a parser, harmless on a terminal.
///
/// Between strings JSON has no other control characters than its white space, so that escaping all others is safe.
pub(crate) fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if steers(c) && !matches!(c, '\n' | '\r' | '\t') {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out
}

/// C0, DEL and C1 controls, and the marks that change the direction of the text after them. All fit in four hex digits.
fn steers(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_dropped_and_line_breaks_become_spaces() {
        let check = |input: &str, expected: &str| assert_eq!(line(input), expected);
        check("plain äö €", "plain äö €");
        check("\u{1b}[31mred\u{1b}[0m", "[31mred[0m");
        check("a\r\nb\tc", "a  b c");
        check("\u{9b}2J\u{7f}\u{7}\0x", "2Jx");
        check("ab\u{202e}cd\u{2066}", "abcd");
    }

    #[test]
    fn a_block_keeps_its_lines() {
        assert_eq!(block("{\n  \"a\": \"\u{9b}1\"\r\n}"), "{\n  \"a\": \"1\"\n}");
    }

    #[test]
    fn escaped_json_stays_the_same_document() {
        let text = "{\n\t\"a\": \"x\u{9b}\u{202e}\u{7f}y\"\n}";
        let escaped = json(text);
        assert!(escaped.is_ascii());
        let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(parse(&escaped), parse(text));
    }
}
