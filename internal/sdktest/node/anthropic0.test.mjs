import { after } from 'node:test';
import Anthropic from 'anthropic0';
import { messagesSuite } from './anthropic.mjs';
import { House } from './house.mjs';

const house = await House.open();
after(() => house.close());
messagesSuite('messages', Anthropic, house, { version: '2023-06-01', beta: '/v1/messages?beta=true' });
