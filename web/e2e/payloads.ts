// Texts that would do something if they were taken for more than text; a hundred of them.

const TAGS = [
  "img src=x",
  "svg",
  "body",
  "video src=x",
  "details open",
  "input autofocus",
  "a href=x",
];
const EVENTS = [
  "onerror",
  "onload",
  "ontoggle",
  "onfocus",
  "onmouseover",
  "onclick",
  "onanimationstart",
];
const URLS = ["javascript:hit()", "data:text/html,<script>hit()</script>", "vbscript:hit()"];
const BREAKS = [
  '"',
  "'",
  "`",
  "</script>",
  "</textarea>",
  "</title>",
  "-->",
  "]]>",
  "\\u003c/script>",
  "}}",
];

const handlers = TAGS.flatMap((tag) => EVENTS.map((event) => `<${tag} ${event}=hit()>`));
const links = URLS.flatMap((url) => [
  `<a href="${url}">x</a>`,
  `<iframe src="${url}"></iframe>`,
  `[x](${url})`,
  url,
]);
const escapes = BREAKS.flatMap((text) => [
  `${text}<script>hit()</script>`,
  `${text} onmouseover=hit() x=`,
]);
const marks = [
  "\u202Egnp.tpircs\u202C",
  "\u2066\u2067\u2068abc\u2069",
  "a\u0300\u0301\u0302\u0303".repeat(20),
  "\u001b[31mred\u001b[0m",
  "\u200b\u200e\u200f\ufeff",
  "__proto__",
  "constructor",
  "{{constructor.constructor('hit()')()}}",
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is a text that another language would fill in
  "${hit()}",
  "<style>@import 'x'; * { display: none }</style>",
  "<base href='http://127.0.0.1:1/'>",
  "<meta http-equiv=refresh content='0;url=javascript:hit()'>",
  "<form action=javascript:hit()><button autofocus>x</button></form>",
  "<math><mtext><img src=x onerror=hit()></mtext></math>",
  "<noscript><p title='</noscript><img src=x onerror=hit()>'>",
  "%3Cscript%3Ehit()%3C/script%3E",
  "&lt;script&gt;hit()&lt;/script&gt;",
  "<ſcript>hit()</ſcript>",
  "%s%s%n",
];

export const PAYLOADS = [
  "<script>hit()</script>",
  ...handlers,
  ...links,
  ...escapes,
  ...marks,
].slice(0, 101);
