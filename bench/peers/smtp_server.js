// Node's smtp-server as a sink: node smtp_server.js PORT. NODE_PATH names the folder of the packages.
const { SMTPServer } = require('smtp-server');

const server = new SMTPServer({
  disabledCommands: ['AUTH', 'STARTTLS'],
  disableReverseLookup: true,
  logger: false,
  onData(stream, session, done) {
    stream.on('data', () => {});
    stream.on('end', () => done());
  },
});
server.on('error', () => {});
server.listen(Number(process.argv[2]), '127.0.0.1');
