//! What comes on a connection: the first byte tells in how large pieces, the rest are the bytes. However they are cut,
//! the same frames come out, one after the other, up to the first that may not pass.

const MAX_REQUEST_BYTES: i32 = 1 << 20;

pub fn run(input: &[u8]) {
    let Some((&piece, bytes)) = input.split_first() else {
        return;
    };
    let piece_bytes = match piece {
        0 => bytes.len().max(1),
        piece => usize::from(piece),
    };
    let read = broker::read_frames(bytes, piece_bytes, MAX_REQUEST_BYTES);
    assert_eq!(read.expect("a local connection"), cut(bytes));
}

/// The frames, and whether the bytes behind them are refused.
fn cut(mut bytes: &[u8]) -> (Vec<Vec<u8>>, bool) {
    let mut frames = Vec::new();
    while let Some((size, rest)) = bytes.split_first_chunk() {
        let size = i32::from_be_bytes(*size);
        let prefix = rest.first_chunk();
        if !(4..=MAX_REQUEST_BYTES).contains(&size)
            || prefix.is_some_and(|prefix| wire::frame::admit(*prefix, size as usize).is_err())
        {
            return (frames, true);
        }
        let Some((frame, rest)) = rest.split_at_checked(size as usize) else {
            break;
        };
        frames.push(frame.to_vec());
        bytes = rest;
    }
    (frames, false)
}
