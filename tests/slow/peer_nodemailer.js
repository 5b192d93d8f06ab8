// nodemailer as a sender: node peer_nodemailer.js PORT LMTP RECIPIENT. NODE_PATH names the folder of the packages.
const nodemailer = require('nodemailer');

const [port, lmtp, recipient] = process.argv.slice(2);
const transport = nodemailer.createTransport({
  host: '127.0.0.1',
  port: Number(port),
  lmtp: lmtp === 'lmtp',
  tls: { rejectUnauthorized: false },
});
transport
  .sendMail({
    from: 'Jürgen <sender@shop.example>',
    to: recipient,
    subject: 'Grüße from nodemailer',
    text: 'first line\n.\n..dots\nlast line',
    html: '<p>some HTML</p>',
    attachments: [{ filename: 'data.bin', content: Buffer.alloc(100000, 7) }],
  })
  .then(
    (sent) => console.log(sent.response || JSON.stringify(sent)),
    (error) => {
      console.error(error);
      process.exitCode = 1;
    },
  );
