// Runs the Email Worker as Cloudflare does: node cloudflare_worker.mjs WORKER URL SECRET FROM TO < mail. Prints what it did.
import { readFileSync } from 'node:fs';

const [worker, url, secret, from, to] = process.argv.slice(2);
const { default: handlers } = await import(worker);
const mail = readFileSync(0);
const did = { rejected: null, thrown: null };
const message = {
  from,
  to,
  raw: new Response(mail).body,
  rawSize: mail.length,
  setReject: (reason) => (did.rejected = reason),
};
try {
  await handlers.email(message, { CANARY_URL: url, CANARY_SECRET: secret }, {});
} catch (error) {
  did.thrown = String(error.message);
}
console.log(JSON.stringify(did));
