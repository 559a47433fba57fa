// A supervisor and the service under it, as real processes. The supervisor starts the service again when it ends, and
// keeps its pid file; the service answers with the release that `current` pointed to when it started.
//   node supervised-server.mjs supervise FOLDER     FOLDER/{current,service.pid,port,behaviour}
// FOLDER/behaviour: `deaf` ignores SIGTERM, `ill` answers 503 and says so in /metrics; read at start. A release folder may hold it too.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, realpathSync, renameSync, writeFileSync, appendFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';

const [, script, role, folder] = process.argv;
const at = (name) => path.join(folder, name);
const write = (name, text) => {
  writeFileSync(at(`${name}.new`), text);
  renameSync(at(`${name}.new`), at(name));
};

if (role === 'supervise') {
  let child;
  const start = () => {
    child = spawn(process.execPath, [script, 'serve', folder], { stdio: 'ignore' });
    appendFileSync(at('starts'), `${child.pid}\n`);
    write('service.pid', `${child.pid}\n`);
    child.on('exit', () => setTimeout(start, 20));
  };
  start();
  process.on('SIGTERM', () => {
    child.removeAllListeners('exit');
    child.kill('SIGKILL');
    process.exit(0);
  });
} else {
  const release = existsSync(at('current')) ? path.basename(realpathSync(at('current'))) : 'none';
  const said = [at('behaviour'), at('current/behaviour')].filter((file) => existsSync(file));
  const behaviour = said.map((file) => readFileSync(file, 'utf8')).join(' ');
  for (const name of ['SIGHUP', 'SIGUSR2']) process.on(name, () => appendFileSync(at('signals'), `${name}\n`));
  if (behaviour.includes('deaf')) process.on('SIGTERM', () => appendFileSync(at('signals'), 'SIGTERM\n'));
  const port = existsSync(at('port')) ? Number(readFileSync(at('port'), 'utf8')) : 0;
  const server = createServer((request, response) => {
    const ill = behaviour.includes('ill');
    if (request.url === '/metrics') return void response.end(`# TYPE shop_ill gauge\nshop_ill ${ill ? 1 : 0}\n`);
    response.writeHead(ill ? 503 : 200).end(`${release} ${process.pid}`);
  });
  server.listen(port, '127.0.0.1', () => write('port', String(server.address().port)));
}
