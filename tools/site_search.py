"""Chinese in the site's search: every pair of neighbouring characters is a word.

Words that a dictionary cuts would have to be cut in the same way in the browser, which has none. A
search for 会话变量 asks for 会话, 话变 and 变量, and so finds the pages that have all of it.
"""

from __future__ import annotations

import re

from sphinx.search.en import SearchEnglish

_WORDS = re.compile(r"[一-鿿]+|[^\W一-鿿]+")


class SearchChinese(SearchEnglish):
    """Chinese in pairs of characters, all else as in English pages."""

    lang = "zh"  # `language_name` stays: the script of its stemmer has that name
    js_splitter_code = r"""
function splitQuery(query) {
  const words = query.match(/[一-鿿]+|(?:(?![一-鿿])[\p{L}\p{N}_])+/gu) || [];
  return words.flatMap((word) => {
    if (word.length < 2 || !/[一-鿿]/.test(word)) return [word];
    return Array.from({length: word.length - 1}, (_, at) => word.slice(at, at + 2));
  });
}
"""

    def split(self, input: str) -> list[str]:
        return [part for word in _WORDS.findall(input) for part in _parts(word)]


def _parts(word: str) -> list[str]:
    if not "一" <= word[0] <= "鿿":
        return [word]
    pairs = [word[at : at + 2] for at in range(len(word) - 1)]
    return [*word, *pairs]  # single characters too, for a search of one
