// Cloudflare Email Worker: posts each mail to the HTTP inlet `raw` of Canary, signed by Standard Webhooks (docs/inlets.md).
//
// CANARY_URL is the address of the inlet, such as https://mail-in.example/ingest/raw, and CANARY_SECRET one of the secrets
// in `ingest.raw`. Only what Canary answers in its own words is an answer for good. Whatever else goes wrong is thrown:
// Cloudflare then answers its client with a temporary failure, and the sender tries again.

const PATIENCE_MS = 25_000;

export default {
  async email(message, env) {
    const mail = new Uint8Array(await new Response(message.raw).arrayBuffer());
    const envelope = new URLSearchParams({ rcpt: message.to, from: message.from }).toString();
    const answer = await fetch(env.CANARY_URL, {
      method: 'POST',
      headers: {
        'content-type': 'message/rfc822',
        'canary-envelope': envelope,
        ...(await signature(env.CANARY_SECRET, envelope, mail)),
      },
      body: mail,
      redirect: 'manual',
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const said = await answer.json().catch(() => ({}));
    if (answer.ok && said.status === 'stored') return;
    if (answer.status === 404 && said.status) return message.setReject('5.1.1 no such address here');
    if (answer.status === 413 && (said.status || said.error)) return message.setReject('5.3.4 the mail is too big');
    throw new Error(`Canary answers ${answer.status}: ${said.error ?? 'not in its own words; is CANARY_URL right?'}`);
  },

  // Some tools of Cloudflare start no Worker without it.
  fetch() {
    return new Response('This Worker takes mail only.\n', { status: 404 });
  },
};

// The same mail to the same recipient has the same id, so that it is stored once however often it is posted.
async function signature(secret, envelope, mail) {
  const id = hex(await crypto.subtle.digest('SHA-256', joined(`${envelope}\n`, mail)));
  const stamp = String(Math.floor(Date.now() / 1000));
  const octets = Uint8Array.from(atob(secret.replace(/^whsec_/, '')), (c) => c.charCodeAt(0));
  const key = await crypto.subtle.importKey('raw', octets, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  const signed = new Uint8Array(await crypto.subtle.sign('HMAC', key, joined(`${id}.${stamp}.`, mail)));
  return {
    'webhook-id': id,
    'webhook-timestamp': stamp,
    'webhook-signature': `v1,${btoa(String.fromCharCode(...signed))}`,
  };
}

function joined(text, octets) {
  const before = new TextEncoder().encode(text);
  const whole = new Uint8Array(before.length + octets.length);
  whole.set(before);
  whole.set(octets, before.length);
  return whole;
}

function hex(buffer) {
  return Array.from(new Uint8Array(buffer), (octet) => octet.toString(16).padStart(2, '0')).join('');
}
