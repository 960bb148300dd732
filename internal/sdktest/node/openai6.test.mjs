import { after } from 'node:test';
import OpenAI from 'openai6';
import { House } from './house.mjs';
import { suite } from './openai.mjs';

const house = await House.open();
after(() => house.close());
suite(OpenAI, house);
