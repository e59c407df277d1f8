// A person at a browser, reduced to what sign-in pages need: redirects, cookies and HTML forms.
// It knows no page by name. It fills whatever asks for an e-mail address or a password, and agrees to the rest.

/** More steps than any sign-in has: beyond it the pages send us in circles. */
const MOST_STEPS = 12;
const STEP_TIMEOUT = 10_000;

/**
 * Opens `start` and does what the pages ask until one redirects to `destination`.
 * Returns that last URL, which nobody has fetched. `origin` is the only place where the password may be typed.
 */
export async function signIn({ start, destination, origin, person }) {
  const cookies = new Map();
  let request = { url: new URL(start), method: "GET", body: undefined };
  for (let step = 0; step < MOST_STEPS; step += 1) {
    if (request.url.href.startsWith(destination)) return request.url;
    if (request.url.origin !== origin) throw new Error(`the sign-in left ${origin} for ${request.url}`);
    request = await follow(request, cookies, person);
  }
  throw new Error(`no end of the sign-in after ${MOST_STEPS} steps; last page: ${request.url}`);
}

/** Carries out one request and says which one comes next. */
async function follow({ url, method, body }, cookies, person) {
  const response = await fetch(url, {
    method,
    body,
    redirect: "manual",
    headers: { accept: "text/html", cookie: [...cookies].map((pair) => pair.join("=")).join("; ") },
    signal: AbortSignal.timeout(STEP_TIMEOUT),
  });
  for (const line of response.headers.getSetCookie()) {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    if (name) cookies.set(name, value);
  }
  const text = await response.text();
  const location = response.headers.get("location");
  if (location) return { url: new URL(location, url), method: "GET", body: undefined };
  if (!response.ok) throw new Error(`${method} ${url} answered ${response.status}: ${text.slice(0, 500)}`);
  return submission(text, url, person);
}

/** The request that submitting a page makes: the form that asks for a password, or else the first one. */
function submission(html, pageUrl, person) {
  const forms = [...html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/gi)];
  const form = forms.find(([, , fields]) => /<input\b[^>]*\btype=["']?password\b/i.test(fields)) ?? forms[0];
  if (!form) throw new Error(`${pageUrl} has no form: ${html.slice(0, 500)}`);
  const { action = "", method = "GET" } = attributes(form[1]);
  const fields = new URLSearchParams();
  for (const [, tag] of form[2].matchAll(/<input\b([^>]*)>/gi)) {
    const { name, type = "text", value = "", checked } = attributes(tag);
    if (!name || type === "submit" || (type === "checkbox" && checked === undefined)) continue;
    fields.append(name, answer(name, type, value, person));
  }
  const button = agreeingButton(form[2]);
  if (button?.name) fields.append(button.name, button.value ?? "");

  const url = new URL(action || pageUrl, pageUrl);
  if (method.toUpperCase() === "POST") return { url, method: "POST", body: fields };
  url.search = fields.toString();
  return { url, method: "GET", body: undefined };
}

/** What a person types into a field, or what the page has put there already. */
function answer(name, type, value, person) {
  if (type === "password") return person.password;
  if (type !== "hidden" && (type === "email" || /email|username|login/i.test(name))) return person.email;
  return value;
}

/** The first button to submit with that does not say no. */
function agreeingButton(html) {
  const buttons = [...html.matchAll(/<button\b([^>]*)>([\s\S]*?)<\/button>/gi)]
    .map(([, tag, label]) => ({ ...attributes(tag), label }))
    .filter(({ type = "submit" }) => type === "submit");
  return buttons.find(({ value = "", label }) => !/deny|decline|cancel|reject|refuse/i.test(`${value} ${label}`));
}

function attributes(tag) {
  const pairs = [...tag.matchAll(/([^\s=/"']+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g)];
  return Object.fromEntries(pairs.map(([, name, a, b, c]) => [name.toLowerCase(), decoded(a ?? b ?? c ?? "")]));
}

const entities = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function decoded(text) {
  return text.replace(/&(?:#x([\da-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) => {
    if (hex) return String.fromCodePoint(Number.parseInt(hex, 16));
    if (decimal) return String.fromCodePoint(Number.parseInt(decimal, 10));
    return entities[name] ?? whole;
  });
}
