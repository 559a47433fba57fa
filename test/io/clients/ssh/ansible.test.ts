import { describe, expect, it } from 'vitest';

import { parseAnsible } from '../../../../src/io/clients/ssh/inventory/ansible.ts';

const ini = `
# a comment
lonely ansible_host=10.0.0.9
[web]
web[01:03].example ansible_port=2222 ; and a remark
[db]
db-a:5022 ansible_user="data base"
[db:vars]
ansible_user=postgres
ansible_ssh_private_key_file=/keys/db
[prod:children]
web
db
[all:vars]
ansible_user=watch
ansible_password=never
`;

describe('Ansible inventories', () => {
  it('reads INI: groups, ranges, groups of groups and variables, the nearest winning', () => {
    const { hosts, problems } = parseAnsible('hosts', ini);
    expect(problems).toEqual([]);
    expect(hosts.map(({ name }) => name)).toEqual([
      'lonely',
      'web01.example',
      'web02.example',
      'web03.example',
      'db-a',
    ]);
    expect(hosts[0]).toEqual({ name: 'lonely', address: '10.0.0.9', user: 'watch', groups: [], labels: {} });
    expect(hosts[1]).toMatchObject({ port: 2222, user: 'watch', groups: ['prod', 'web'] });
    expect(hosts[4]).toMatchObject({ port: 5022, user: 'data base', keyFile: '/keys/db', groups: ['db', 'prod'] });
    expect(JSON.stringify(hosts)).not.toContain('never');
  });

  it('knows Windows hosts by their shell type, as Ansible does', () => {
    const { hosts } = parseAnsible(
      'hosts',
      '[win]\nw-1\nw-2 ansible_shell_type=sh\n[win:vars]\nansible_shell_type=cmd\n',
    );
    expect(hosts.map(({ name, os }) => [name, os])).toEqual([
      ['w-1', 'windows'],
      ['w-2', undefined],
    ]);
  });

  it('reads YAML the same', () => {
    const yaml = `
all:
  vars: { ansible_user: watch }
  hosts: { lonely: { ansible_host: 10.0.0.9 } }
  children:
    prod:
      children:
        web: { hosts: { 'web[01:02].example': { ansible_port: 2222 } } }
        db: { hosts: { db-a: }, vars: { ansible_user: postgres } }
`;
    const { hosts, problems } = parseAnsible('hosts.yml', yaml);
    expect(problems).toEqual([]);
    expect(hosts.find(({ name }) => name === 'lonely')).toMatchObject({
      address: '10.0.0.9',
      user: 'watch',
      groups: [],
    });
    expect(hosts.find(({ name }) => name === 'web02.example')).toMatchObject({ port: 2222, groups: ['prod', 'web'] });
    expect(hosts.find(({ name }) => name === 'db-a')).toMatchObject({ user: 'postgres', groups: ['db', 'prod'] });
  });

  it('says what it does not evaluate, and leaves it out', () => {
    const { hosts, problems } = parseAnsible(
      'hosts',
      'web ansible_host={{address}}\nweb-2 what is this\n-oProxyCommand=x\n',
    );
    expect(hosts).toEqual([{ name: 'web', groups: [], labels: {} }]);
    expect(problems).toHaveLength(3);
  });

  it('survives circles, billions of hosts, and what is no inventory', () => {
    expect(parseAnsible('hosts', '[a:children]\nb\n[b:children]\na\n[a]\nx\n').hosts[0]?.groups).toEqual(['a', 'b']);
    const many = parseAnsible('hosts', 'web[0:999999999]-[0:999999999]\n');
    expect(many.hosts.length).toBeLessThanOrEqual(2_000);
    expect(many.problems).not.toEqual([]);
    expect(parseAnsible('x.yml', 'all: [1').problems).toHaveLength(1);
    expect(parseAnsible('x.yml', 'a: &a { hosts: { h: }, children: { b: *a } }').hosts).toHaveLength(1);
  });
});
