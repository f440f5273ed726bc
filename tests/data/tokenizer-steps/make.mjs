// Makes the golden data of this folder: small vocabularies trained here, with the ids and texts that Hugging Face's tokenizers give.
//   npm install @anush008/tokenizers@0.6.0 (binding of tokenizers 0.22.2), then: node make.mjs
import fs from 'fs';
import path from 'path';
import { createRequire } from 'module';
const { Tokenizer } = createRequire(process.cwd() + '/')('@anush008/tokenizers');
const here = path.dirname(new URL(import.meta.url).pathname);

const corpus = (`The tokenizer reads the text and returns the ids of its tokens. What is the sum of 12 and 345? It's 357, isn't it? We'll see that
they've been right. HELLO World, Hello there; the thought ends here. In this way the model thinks in mixtures of tokens, and then it answers.
Zażółć gęślą jaźń. Die Straße ist größer als früher. Привет, как дела? 今日は良い天気です。 数学の問題を解く。 x = (a + b) * c; return x; `).repeat(3);

// Trains merges: the most frequent pair first, of equal ones the first in order of code units.
function train(words, count) {
  const merges = [];
  let rows = words.map(word => [...word]);
  while (merges.length < count) {
    const pairs = new Map();
    for (const row of rows)
      for (let i = 0; i + 1 < row.length; i++) {
        const key = row[i] + '\n' + row[i + 1];
        pairs.set(key, (pairs.get(key) ?? 0) + 1);
      }
    const best = [...pairs].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))[0];
    if (!best || best[1] < 3) break;
    const [left, right] = best[0].split('\n');
    merges.push([left, right]);
    rows = rows.map(row => {
      const merged = [];
      for (const unit of row)
        if (merged.at(-1) === left && unit === right) merged[merged.length - 1] = left + right;
        else merged.push(unit);
      return merged;
    });
  }
  return merges;
}

const alphabet = [];
for (let value = 0, next = 256; value < 256; value++)
  alphabet.push(String.fromCharCode((value > 32 && value < 127) || (value > 160 && value !== 173) ? value : next++));
const toAlphabet = text => [...Buffer.from(text)].map(value => alphabet[value]).join('');

function overBytes(preTokenizers, more = {}) {
  const merges = train(corpus.match(/ ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+/gu).map(toAlphabet), 260);
  const vocab = {};
  for (const token of [...alphabet, ...merges.map(pair => pair.join(''))]) vocab[token] ??= Object.keys(vocab).length;
  return file(vocab, merges, { ignore_merges: false }, ['<|start|>', '<|end|>'], {
    pre_tokenizer: { type: 'Sequence', pretokenizers: [...preTokenizers, byteLevel(preTokenizers.some(step => step.type === 'Digits'))] },
    decoder: byteLevel(true), ...more });
}

const byteLevel = regex => ({ type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: regex });
const split = (pattern, behavior, invert = false) => ({ type: 'Split', pattern, behavior, invert });
const fallback = strip => ({ type: 'Sequence', decoders: [{ type: 'Replace', pattern: { String: '▁' }, content: ' ' }, { type: 'ByteFallback' },
  { type: 'Fuse' }, ...(strip ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : [])] });
const prepend = { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: '▁' }, { type: 'Replace', pattern: { String: ' ' }, content: '▁' }] };
const metaspace = (prepend_scheme, splits) => ({ type: 'Metaspace', replacement: '▁', prepend_scheme, split: splits });

function overCharacters(steps, special, model = { fuse_unk: true, byte_fallback: true, unk_token: '<unk>' }) {
  const merges = [...train(corpus.replace(/\s+/g, ' ').match(/ ?[^ ]+/g).map(word => word.replace(' ', '▁')), 300), ['▁', '▁'], ['▁▁', '▁▁']];
  const vocab = { '<unk>': 0, '<s>': 1, '</s>': 2 };
  const bytes = model.byte_fallback ? alphabet.map((_, value) => `<0x${value.toString(16).toUpperCase().padStart(2, '0')}>`) : [];
  const letters = [...new Set('▁' + corpus.replace(/\s+/g, ''))].filter(letter => !'ß解=Z'.includes(letter)); // some have no token
  const known = merges.filter(pair => ![...pair.join('')].some(letter => 'ß解=Z'.includes(letter)));
  for (const token of [...bytes, ...letters, ...known.map(pair => pair.join(''))]) vocab[token] ??= Object.keys(vocab).length;
  return file(vocab, known, model, special, steps, ['<unk>', '<s>', '</s>']);
}

function file(vocab, merges, model, added, steps, known = []) {
  const token = (content, flags) => ({ id: 0, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true, ...flags });
  const tokens = [...known, ...added].map(entry => (typeof entry === 'string' ? token(entry) : token(entry.content, entry)));
  let next = Object.keys(vocab).length;
  for (const entry of tokens) entry.id = vocab[entry.content] ?? next++;
  return { version: '1.0', truncation: null, padding: null, added_tokens: tokens, normalizer: null, pre_tokenizer: null, post_processor: null,
    decoder: null, ...steps, model: { type: 'BPE', dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null,
      fuse_unk: false, byte_fallback: false, ...model, vocab, merges } };
}

const cl100k = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const possessive = "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}++|\\p{N}{1,3}+| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*+|\\s++$|\\s*[\\r\\n]|\\s+(?!\\S)|\\s";
const tekken = "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+"
  + "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const chat = ['[INST]', '[/INST]'];
const files = {
  'prepend-bytes': overCharacters({ normalizer: prepend, decoder: fallback(true) },
    [{ content: '<|user|>', rstrip: true }, { content: '<|end|>', lstrip: true, special: false }, { content: '<n>', normalized: true, special: false }]),
  'metaspace-first': overCharacters({ pre_tokenizer: metaspace('first', false), decoder: fallback(true) }, chat),
  'metaspace-always-split': overCharacters({ pre_tokenizer: metaspace('always', true), decoder: fallback(true) }, chat),
  'metaspace-never': overCharacters({ pre_tokenizer: metaspace('never', false), decoder: fallback(false) }, chat, { byte_fallback: true, ignore_merges: true }),
  'unknown-fused': overCharacters({ normalizer: prepend, decoder: fallback(true) }, chat, { fuse_unk: true, unk_token: '<unk>' }),
  'unknown-each': overCharacters({ normalizer: prepend, decoder: fallback(true) }, chat, { fuse_unk: false, unk_token: '<unk>' }),
  'digits': overBytes([{ type: 'Digits', individual_digits: true }]),
  'digits-runs': overBytes([{ type: 'Digits', individual_digits: false }]),
  'cl100k-inverted': overBytes([split({ Regex: cl100k }, 'Removed', true)]),
  'possessive': overBytes([split({ Regex: possessive }, 'Isolated')]),
  'tekken-pattern': overBytes([split({ Regex: tekken }, 'Isolated')]),
  'line-end': overBytes([split({ Regex: '\\s+$' }, 'Isolated'), split({ Regex: '[\\r\\n]' }, 'Isolated')]),
};
for (const behavior of ['Isolated', 'Removed', 'Contiguous', 'MergedWithPrevious', 'MergedWithNext'])
  files[`punctuation-${behavior}`] = overBytes([{ type: 'Punctuation', behavior }, split({ String: ' ' }, behavior, behavior === 'Removed')]);

let state = 12345;
const random = below => (state = (state * 1103515245 + 12345) % 2147483648) % below;
const pieces = ['the ', 'Hello', ' tokens', "it's", "'LL", "'ſ", ' ', '  ', '   ', '\t', '\n', '\r\n', ' \n ', '12', '3456', '½Ⅳ', '٣', '!', '?!', '...', '$+', '«»', '—', 'ß',
  '解', 'é', 'e\u0301', '今日', '😀', '👩‍👩‍👧', '\u0000', '\u0007', '\u00a0', '\u3000', '▁', '<0x41>', '<s>', '</s>', '<unk>', '[INST]', '[/INST]', '<|user|>', '<|end|>',
  '<n>', '<|start|>', 'ABCdef', 'ÁÉ', 'К', 'дела', '\ufffd', '\u200d', 'Z=', '=', 'x = (a + b)'];
const texts = ['', ' ', '  ', '\n', ...pieces];
while (texts.length < 130) {
  let text = '';
  for (let count = 1 + random(7); count > 0; count--)
    text += random(6) ? pieces[random(pieces.length)] : String.fromCodePoint([0x20 + random(0x5f), 0xa0 + random(0x2000), 0x1f300 + random(0x300)][random(3)]);
  texts.push(text);
}
for (const [name, json] of Object.entries(files)) {
  const folder = path.join(here, name);
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, 'tokenizer.json'), JSON.stringify(json) + '\n');
  const tokenizer = Tokenizer.fromString(JSON.stringify(json));
  const cases = [];
  for (const text of texts) {
    const ids = (await tokenizer.encode(text, null, { addSpecialTokens: false })).getIds();
    cases.push({ text, ids: [...ids], special_prefix: 0, decoded: await tokenizer.decode([...ids], false), decoded_skip_special: await tokenizer.decode([...ids], true) });
  }
  fs.writeFileSync(path.join(folder, 'cases.json'), '[' + cases.map(entry => JSON.stringify(entry)).join(',\n') + ']\n');
}
